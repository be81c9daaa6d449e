#!/usr/bin/env python3
"""A second reader of packed segments, written from docs/FORMAT.md, section 12, alone.

    packed.py FILE ...                     a line for each block: number, header hash, hash of the raw payload
    packed.py --against SAY [--mutate COUNT SEED] FILE ...

With --against it compares its lines with those of SAY (weir-fuzz-say-packed), for the files and for COUNT
changed ones of them, some of which are sealed again; a difference is an error. Needs the Debian packages
python3-xxhash and python3-zstandard; without them it exits 77."""

import os
import random
import struct
import subprocess
import sys
import tempfile

try:
    from reader import Block, Cursor, Invalid, Segment, frame, hash64, need
except ImportError:
    sys.exit(77)

TWO64, TWO63 = 1 << 64, 1 << 63
HEADER, GROUP, ALIGN = 512, 128, 512
GROUP_RAW, RAW_MAX, COLUMNS_MAX, SHAPES_COLUMNS, ENTRIES = 64 << 20, 1 << 30, 2000, 16384, 65536
FIELDS = "<8s5Q8I4Q8sQ"


def stored_as(stored, raw_bytes):
    need(1 <= len(stored) <= raw_bytes)
    return stored if len(stored) == raw_bytes else frame(stored, raw_bytes)


# ---- plans ----

class Plan:
    def __init__(self, plan, rest=b""):
        self.c, self.rest = Cursor(plan), Cursor(rest)

    def stream(self):
        raw, stored = self.c.uint(4), self.c.uint(4)
        return stored_as(self.rest.take(stored), raw) if stored else self.c.take(raw)

    def numbers(self, n):
        if n == 0:
            return []
        differences, width, base = self.c.uint(1), self.c.uint(1), self.c.uint(8)
        need(differences <= 1 and width <= 8)
        first = self.c.uint(8) if differences else 0
        count = n - differences
        planes = self.stream() if width else b""
        need(len(planes) == count * width)
        values = [(sum(planes[w * count + i] << 8 * w for w in range(width)) + base) % TWO64
                  for i in range(count)]
        if not differences:
            return values
        numbers = [first]
        for v in values:
            numbers.append((numbers[-1] + v) % TWO64)
        return numbers

    def done(self):
        need(self.c.left() == 0 and self.rest.left() == 0)


def signed(n):
    return n - TWO64 if n >= TWO63 else n


def pieces(lengths, data):
    c = Cursor(data)
    found = [c.take(n) for n in lengths]
    need(c.left() == 0)
    return found


# ---- values ----

def reals(plan, n):
    form, digits = plan.c.uint(1), plan.c.uint(1)
    need((form, digits) == (0, 0) or form == 1 and digits <= 15 or form == 2 and digits <= 40)
    numbers = plan.numbers(n)
    if form == 0:
        return [struct.pack("<Q", v) for v in numbers]
    divisor = float(10 ** digits if form == 1 else 2 ** digits)
    need(all(abs(float(signed(v))) <= 1 << 53 for v in numbers))
    return [struct.pack("<d", float(signed(v)) / divisor) for v in numbers]


def texts(plan, n):
    form = plan.c.uint(1)
    need(form <= 1)
    if form == 0:
        lengths = plan.numbers(n)
        return pieces(lengths, plan.stream())
    m = plan.c.uint(4)
    need(m <= n and m <= ENTRIES)
    lengths = plan.numbers(m)
    entries = pieces(lengths, plan.stream())
    indexes = plan.numbers(n)
    need(all(i < m for i in indexes))
    return [entries[i] for i in indexes]


def values(plan, rows):
    """(type, what) of each row."""
    type_ = plan.c.uint(1)
    need(type_ <= 4 or type_ == 255)
    types = plan.numbers(rows) if type_ == 255 else [type_] * rows
    need(all(t <= 4 for t in types))
    of = {t: types.count(t) for t in range(5)}
    found = {0: [None] * of[0], 1: plan.numbers(of[1])}
    found[2] = reals(plan, of[2]) if of[2] else []
    found[3] = texts(plan, of[3]) if of[3] else []
    found[4] = texts(plan, of[4]) if of[4] else []
    each = {t: iter(v) for t, v in found.items()}
    return [(t, next(each[t])) for t in types]


def encode(table, row):
    """As a writer does, in the least widths."""
    tags, data = b"", b""
    for type_, v in row:
        width = 0
        if type_ == 1:
            n, width = signed(v), 1
            while not -(1 << 8 * width - 1) <= n < 1 << 8 * width - 1:
                width += 1
            data += (v & (1 << 8 * width) - 1).to_bytes(width, "little")
        elif type_ == 2:
            width = 8
            data += v
        elif type_ >= 3:
            width = max(1, (len(v).bit_length() + 7) // 8)
            data += len(v).to_bytes(width, "little") + v
        tags += bytes([type_ << 4 | width])
    return struct.pack("<2H", table, len(row)) + tags + data


# ---- bodies ----

def columns(plan, headers):
    """The raw payloads, one after the other."""
    shapes = [(plan.c.uint(2), plan.c.uint(2)) for _ in range(need_small(plan.c.uint(4)))]
    need(all(t and 1 <= n <= COLUMNS_MAX for t, n in shapes))
    need(sum(n for _, n in shapes) <= SHAPES_COLUMNS)
    heads = Cursor(plan.stream())
    which = plan.numbers(sum(h.rows for h in headers if h.kind == 1))
    need(all(w <= len(shapes) for w in which))
    lengths = plan.numbers(which.count(0))
    others = iter(pieces(lengths, plan.stream()))
    rows = {}
    for i, (table, n) in enumerate(shapes):
        count = which.count(i + 1)
        if count:
            lists = [values(plan, count) for _ in range(n)]
            rows[i + 1] = iter([encode(table, row) for row in zip(*lists)])
    plan.done()
    raw, shape_of = b"", iter(which)
    for h in headers:
        if h.kind != 1:
            raw += heads.take(h.raw)
            continue
        lanes = struct.unpack_from("<I", heads.data, heads.at + 16)[0] if heads.left() >= 20 else TWO64
        payload = heads.take(24 + 16 * lanes)
        for _ in range(h.rows):
            w = next(shape_of)
            row = next(rows[w]) if w else next(others)
            payload += struct.pack("<I", len(row)) + row
        need(len(payload) == h.raw)
        raw += payload
    need(heads.left() == 0)
    return raw


def need_small(n):
    need(n <= SHAPES_COLUMNS)
    return n


class Group:
    def __init__(self, data, place, segment, former):
        need(len(data) - place >= GROUP)
        (magic, self.segment, at, self.first, self.begin, self.end, self.n, self.coding, self.heads_raw,
         heads, self.plan_raw, plan, rest, self.raw, self.heads_hash, self.body_hash, self.raw_hash,
         self.previous, zeros, h) = struct.unpack_from(FIELDS, data, place)
        need(magic == b"WEIRPKG1" and h == hash64(data[place:place + 120]) and not any(zeros))
        need(at == place and self.segment >= 1 and segment in (None, self.segment))
        at += GROUP
        self.heads, self.plan = data[at:at + heads], data[at + heads:at + heads + plan]
        self.rest = data[at + heads + plan:at + heads + plan + rest]
        self.next = (at + heads + plan + rest + ALIGN - 1) // ALIGN * ALIGN
        need(self.next <= len(data))
        need(1 <= self.first <= TWO64 - 2 - 65536)
        need(self.begin % 4096 == 0 and self.end % 4096 == 0 and 4096 <= self.begin < self.end < TWO63)
        if former:
            need(self.begin >= former.end and self.first >= former.first + former.n)
        need(1 <= self.n <= 65536 and self.n <= (self.end - self.begin) // 4096 and self.n <= self.raw // 24)
        need(self.raw <= GROUP_RAW or self.n == 1 and self.coding == 1 and self.raw <= RAW_MAX)
        need(self.coding == 2 or self.coding == 1 and self.plan_raw == self.raw and rest == 0)
        need(1 <= heads <= self.heads_raw <= 36 * (4 * 65536 + 32) and 1 <= plan <= self.plan_raw)

    def headers(self):
        """The headers of the blocks, as bytes."""
        need(hash64(self.heads) == self.heads_hash)
        plan = Plan(stored_as(self.heads, self.heads_raw))
        words = {at: plan.numbers(self.n) for at in range(0, 160, 4) if at not in (104, 108, 152, 156)}
        plan.done()
        need(all(v < 1 << 32 for column in words.values() for v in column))
        found, previous, offset = [], self.previous, self.begin
        for i in range(self.n):
            head = bytearray(160)
            for at, column in words.items():
                struct.pack_into("<I", head, at, column[i])
            struct.pack_into("<Q", head, 104, previous)
            previous = hash64(bytes(head[:152]))
            struct.pack_into("<Q", head, 152, previous)
            b = Block(bytes(head))
            need(b.state == "valid" and b.block == self.first + i and b.offset == offset)
            need(b.segment == self.segment)
            offset += b.extent
            found.append(b)
        need(offset == self.end and sum(b.raw for b in found) == self.raw)
        return found

    def payloads(self, headers):
        need(hash64(self.plan + self.rest) == self.body_hash)
        plan = stored_as(self.plan, self.plan_raw)
        raw = plan if self.coding == 1 else columns(Plan(plan, self.rest), headers)
        need(hash64(raw) == self.raw_hash)
        return pieces([h.raw for h in headers], raw)


def groups(data):
    place, former = HEADER, None
    segment = Segment(0, data[24:280])
    number = segment.segment if segment.state != "absent" and segment.intact else None
    if hash64(data[:504]) != struct.unpack_from("<Q", data, 504)[0]:
        number = None
    while place + GROUP <= len(data):
        try:
            former = Group(data, place, number, former)
            yield former
            place = former.next
        except Invalid:
            place += ALIGN


def lines(data):
    found = []
    if len(data) < HEADER:
        return found
    for g in groups(data):
        try:
            headers = g.headers()
        except Invalid:
            continue
        try:
            raws = ["%016x" % hash64(raw) for raw in g.payloads(headers)]
        except (Invalid, OverflowError):
            raws = ["damaged"] * len(headers)
        found += ["%d %016x %s" % (h.block, h.hash, raw) for h, raw in zip(headers, raws)]
    return found


# ---- two readers ----

def seal(data):
    place = HEADER
    while place + GROUP <= len(data):
        heads, _, plan, rest = struct.unpack_from("<4I", data, place + 60)
        at = place + GROUP
        struct.pack_into("<Q", data, place + 80, hash64(bytes(data[at:at + heads])))
        struct.pack_into("<Q", data, place + 88, hash64(bytes(data[at + heads:at + heads + plan + rest])))
        struct.pack_into("<Q", data, place + 120, hash64(bytes(data[place:place + 120])))
        place = (at + heads + plan + rest + ALIGN - 1) // ALIGN * ALIGN


def changed(data, rng):
    """Hurt behind the file's header, and sealed again most of the time."""
    data = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(HEADER, len(data))
        data[at] = rng.choice([data[at] ^ 1 << rng.randrange(8), 0, 255, rng.randrange(256)])
    if rng.randrange(4):
        seal(data)
    return bytes(data)


def compare(say, data, what):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        theirs = subprocess.run([say, file.name], check=True, capture_output=True, text=True).stdout.split("\n")[:-1]
    ours = lines(data)
    if ours == theirs:
        return 0
    print(what, "differs:", *["%s | %s" % pair for pair in zip(ours, theirs) if pair[0] != pair[1]][:3],
          len(ours), len(theirs))
    return 1


def main(arguments):
    if arguments[0] != "--against":
        for path in arguments:
            with open(path, "rb") as f:
                print("\n".join(lines(f.read())))
        return 0
    say, arguments, count, rng = arguments[1], arguments[2:], 0, None
    if arguments[0] == "--mutate":
        count, rng, arguments = int(arguments[1]), random.Random(int(arguments[2])), arguments[3:]
    files = []
    for path in arguments:
        with open(path, "rb") as f:
            files.append(f.read())
    wrong = sum(compare(say, data, path) for path, data in zip(arguments, files))
    wrong += sum(not lines(data) for data in files)
    for i in range(count):
        wrong += compare(say, changed(rng.choice(files), rng), "change %d" % i)
    print(len(files), "files and", count, "changed ones,", wrong, "differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
