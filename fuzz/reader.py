#!/usr/bin/env python3
"""A second reader of the format, written from docs/FORMAT.md alone.

    reader.py DIRECTORY|CONTAINER ...

Prints for each a JSON object: the state of journal and ring, whether promised blocks are damaged, and
every row of the stream that can be read. DIRECTORY is a journal's; CONTAINER is what the fuzz harnesses
read (fuzz/container.h). It is plain rather than fast: each section below is a section of the document.
Needs the Debian packages python3-xxhash and python3-zstandard."""

import json
import os
import re
import struct
import sys

import xxhash
import zstandard

ALIGN, BLOCK_HEADER, SEGMENT_HEADER = 4096, 160, 256
RAW_MAX, LANES_LIMIT, COLUMNS_MAX, NAME_MAX, TABLES_MAX = 1 << 30, 1024, 2000, 1024, 4096
TWO64 = 1 << 64


def hash64(data):
    return xxhash.xxh3_64_intdigest(data)


class Invalid(Exception):
    """Something that the document calls not valid."""


def need(condition):
    if not condition:
        raise Invalid


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        need(length <= len(self.data) - self.at)
        self.at += length
        return self.data[self.at - length:self.at]

    def uint(self, width):
        return int.from_bytes(self.take(width), "little")

    def left(self):
        return len(self.data) - self.at


# ---- 2. Rows ----

def value(c, tag):
    kind, width = tag >> 4, tag & 15
    if tag == 0:
        return "n"
    if kind == 1 and 1 <= width <= 8:
        return "i%d" % int.from_bytes(c.take(width), "little", signed=True)
    if kind == 2 and width == 8:
        return "r%016x" % c.uint(8)
    need(kind in (3, 4) and 1 <= width <= 4)
    return "tb"[kind - 3] + c.take(c.uint(width)).hex()


def row(data):
    """[table, value ...] or None."""
    try:
        c = Cursor(data)
        table, columns = c.uint(2), c.uint(2)
        need(1 <= table <= TABLES_MAX and 1 <= columns <= COLUMNS_MAX)
        values = [value(c, tag) for tag in c.take(columns)]
        need(c.left() == 0)
        return [table] + values
    except Invalid:
        return None


# ---- 3. Declarations ----

def name(c):
    text = c.take(c.uint(2))
    need(1 <= len(text) <= NAME_MAX and 0 not in text)
    return text


def lower(text):
    return bytes(b + 32 if 65 <= b <= 90 else b for b in text)


def declaration(c):
    table, columns = c.uint(2), c.uint(2)
    need(1 <= table <= TABLES_MAX and 1 <= columns <= COLUMNS_MAX)
    name(c)
    types, names = [], set()
    for _ in range(columns):
        types.append(c.uint(1))
        names.add(lower(name(c)))
    need(all(1 <= t <= 5 for t in types) and types.count(5) <= 1 and len(names) == columns)


# ---- 4. Blocks ----

class Block:
    """A header. state: absent, newer, damaged or valid."""

    def __init__(self, data):
        self.state = "damaged"
        if len(data) < BLOCK_HEADER:
            return
        data = data[:BLOCK_HEADER]
        if not any(data):
            self.state = "absent"
            return
        (magic, header, version, self.kind, self.codec, incompatible, self.compatible, self.journal,
         self.incarnation, self.segment, self.offset, self.block, self.first_row, self.rows,
         self.stored, self.raw, zero, _, self.previous, self.durable, self.payload_hash, zeros,
         self.hash) = struct.unpack("<8s4H2I16s5Q4Iq3Q24sQ", data)
        if magic != b"WEIRBLK1" or hash64(data[:152]) != self.hash:
            return
        if version > 1 or incompatible:
            self.state = "newer"
            return
        self.extent = (BLOCK_HEADER + self.stored + ALIGN - 1) // ALIGN * ALIGN
        sizes = (self.stored == self.raw) if self.codec == 0 else 1 <= self.stored < self.raw
        rows = (1 <= self.rows <= (self.raw - 24) // 9) if self.kind == 1 else self.rows == 0
        if (header == 160 and version == 1 and zero == 0 and not any(zeros)
                and self.kind in (1, 2, 3) and self.codec in (0, 1)
                and self.segment >= 1 and self.offset % ALIGN == 0 and self.offset >= ALIGN
                and self.offset + self.extent <= (1 << 63) - 1
                and self.block >= 1 and self.durable < self.block
                and (self.block > 1 or self.previous == 0)
                and 24 <= self.raw <= RAW_MAX and sizes
                and self.first_row >= 1 and self.first_row + self.rows <= TWO64 - 1 and rows):
            self.state = "valid"


def frame(stored, raw_bytes):
    """The content of exactly one zstd frame."""
    need(stored[:4] == b"\x28\xb5\x2f\xfd")
    try:
        parameters = zstandard.get_frame_parameters(stored)
        need(parameters.content_size == raw_bytes and parameters.dict_id == 0)
        d = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
        raw = d.decompress(stored)
        need(len(raw) == raw_bytes and d.unused_data == b"")
        return raw
    except (zstandard.ZstdError, MemoryError):
        raise Invalid from None


# ---- 5. Payloads ----

def head(raw):
    """A cursor behind the head of a payload."""
    c = Cursor(raw)
    c.take(16)
    lanes, zero = c.uint(4), c.uint(4)
    need(lanes <= LANES_LIMIT and zero == 0)
    former = -1
    for _ in range(lanes):
        lane, zero, _ = c.uint(4), c.uint(4), c.uint(8)
        need(former < lane < LANES_LIMIT and zero == 0)
        former = lane
    return c


def payload(b, raw):
    """The rows of a payload, as bytes."""
    c, rows = head(raw), []
    if b.kind == 1:
        while c.left():
            rows.append(c.take(c.uint(4)))
        need(len(rows) == b.rows)
    elif b.kind == 3:
        for _ in range(c.uint(4)):
            declaration(c)
    need(c.left() == 0)
    return rows


# ---- 6. Segments ----

class Segment:
    def __init__(self, number, data):
        self.number, self.data, self.state = number, data, "damaged"
        self.header = data[:SEGMENT_HEADER].ljust(SEGMENT_HEADER, b"\0")
        if not any(data):
            self.state = "absent"
            return
        (magic, header, version, algorithm, incompatible, self.compatible, self.journal,
         self.incarnation, self.segment, self.bytes, align, zero, self.first_block, self.first_row, _,
         self.before_segment, self.before_offset, self.before_block, self.before_hash, zeros,
         h) = struct.unpack("<8s2H3I16s3Q2I2Qq4Q120sQ", self.header)
        self.intact = magic == b"WEIRSEG1" and h == hash64(self.header[:248])
        if not self.intact:
            return
        if version > 1 or incompatible:
            self.state = "newer"
            return
        self.sound = (header == 256 and version == 1 and algorithm == 1 and align == ALIGN
                      and zero == 0 and not any(zeros) and self.segment > self.before_segment)
        if (self.sound and self.first_block == self.before_block + 1 and self.first_row >= 1
                and self.segment == number):
            self.state = "valid"

    def block(self, offset, limit, whole=True):
        """The block at offset, if it is one of this segment; its header may be valid or newer."""
        b = Block(self.data[offset:min(offset + BLOCK_HEADER, limit)])
        if b.state == "valid":
            here = b.segment == self.number and b.offset == offset
            here = here and (not whole or b.stored <= limit - offset - BLOCK_HEADER)
            if self.state == "valid":
                here = here and b.journal == self.journal and b.incarnation == self.incarnation
            if not here:
                b.state = "damaged"
        elif b.state == "newer":
            journal, segment, at = b.journal, b.segment, b.offset
            if (segment, at) != (self.number, offset) or (
                    self.state == "valid" and journal != self.journal):
                b.state = "damaged"
        return b

    def stored(self, b):
        return self.data[b.offset + BLOCK_HEADER:b.offset + BLOCK_HEADER + b.stored]

    def intact_payload(self, b):
        return hash64(self.stored(b)) == b.payload_hash


# ---- 7. The stream ----

class Journal:
    def __init__(self, segments, marks, ring):
        self.ring = ring
        self.segments = {s.number: s for s in segments if s.state != "absent"}
        self.state, self.rot, self.rows, self.last, self.plain = "empty", False, [], 0, True
        if not self.segments:
            return
        self.state = "present"
        headed = [s for s in self.segments.values() if s.state != "newer" and
                  getattr(s, "sound", False)]
        if any(s.state == "newer" for s in self.segments.values()):
            self.state = "newer"
        elif len({s.journal for s in headed}) > 1 or any(
                s.state != "valid" and any(o is not s and o.segment == s.segment for o in headed)
                for s in headed):
            self.state = "mixed"
        elif any(s.state != "valid" for s in self.segments.values()):
            self.plain = False  # see walk(): damage of this kind has more than one right reading
        if self.state == "present" and self.plain:
            self.walk(marks)

    def path(self):
        """Rule 2: from the youngest back, oldest first: (segment, end, last block)."""
        path, s, end, last = [], self.segments[max(self.segments)], None, None
        while True:
            path.append((s, end, last))
            if s.before_segment == 0:
                break
            older = self.segments.get(s.before_segment)
            end, last = s.before_offset, s.before_block
            if older is None:
                # It has left the journal, unless something older has not.
                self.plain = self.plain and not any(n < s.before_segment for n in self.segments)
                break
            s = older
        path.reverse()
        return path

    def walk(self, marks):
        path = self.path()
        marks = [m for m in marks] + [s.before_block for s, _, _ in path]
        expected = None
        blocks, bad = [], None
        for s, end, last in path:
            start = (s.first_block, s.first_row, s.before_hash)
            if expected and expected != start:
                self.plain = False  # a gap, or a stranger, where two segments meet
            expected, offset = start, ALIGN
            limit = min(len(s.data), s.bytes, end if end is not None else len(s.data))
            while last is None or expected[0] <= last:
                b = s.block(offset, limit) if offset < limit else None
                if b is not None and b.state == "newer":
                    self.state = "newer"
                    return
                if (b is None or b.state != "valid" or (b.block, b.first_row, b.previous) != expected
                        or not s.intact_payload(b)):
                    bad = (s, offset, limit, expected[0])
                    break
                blocks.append((s, b))
                marks.append(b.durable)
                expected = (b.block + 1, b.first_row + b.rows, b.hash)
                offset += b.extent
            if last is not None and expected[0] <= last:
                self.rot = True
                self.plain = False
                return
        if bad:
            s, offset, limit, block = bad
            for at in range(offset, limit, ALIGN):
                b = s.block(at, limit, whole=False)
                if b.state == "valid":
                    marks.append(b.durable)
            closed = blocks and self.is_close_mark(*blocks[-1]) and blocks[-1][0] is s
            self.rot = max(marks) >= block and not closed
        elif expected and max(marks) >= expected[0]:
            self.rot = True
        if self.rot:
            self.plain = False
        for _, b in blocks:
            if self.ring and b.block == self.ring.mark and b.hash != self.ring.mark_hash:
                self.rot = True
        self.collect(blocks, path[0][0].before_block)

    def is_close_mark(self, s, b):
        return b.kind == 2 and b.codec == 0 and b.raw == 24 and not any(s.stored(b))

    def collect(self, blocks, base):
        self.last = blocks[-1][1].block if blocks else base
        for s, b in blocks:
            try:
                stored = s.stored(b)
                rows = payload(b, frame(stored, b.raw) if b.codec else stored)
            except Invalid:
                continue  # intact and not valid: its rows are reported as damaged
            for i, data in enumerate(rows):
                r = row(data)
                self.rows.append([b.first_row + i] + (r if r else [None]))
        if blocks:
            s, b = blocks[-1]
            try:
                stored = s.stored(b)
                head(frame(stored, b.raw) if b.codec else stored)
            except Invalid:
                self.rot = True  # how far the ring is drained cannot be told


# ---- 8. The ring ----

K1, K2 = 0xD6E8FEB86659FD93, 0x9E3779B97F4A7C15


class Ring:
    def __init__(self, data):
        self.state, self.mark, self.mark_hash, self.data = "absent", 0, 0, data
        if data is None:
            return
        self.state = "unreadable"
        if len(data) < 4096:
            return
        (magic, version, header, incompatible, _, self.id, _, self.journal, self.lanes, control,
         controls, self.lane_bytes, self.at, _, _, h) = struct.unpack("<8s4I16s16s16s2I3QqqQ",
                                                                     data[:128])
        if magic != b"WEIRRNG1" or h != hash64(data[:120]):
            return
        if version > 1 or incompatible:
            self.state = "newer"
            return
        power = self.lane_bytes & (self.lane_bytes - 1) == 0
        data_at = 4096 + (256 * self.lanes + 4095) // 4096 * 4096
        if (version == 1 and header == 4096 and control == 256 and controls == 4096
                and 1 <= self.lanes <= LANES_LIMIT and power
                and 1 << 16 <= self.lane_bytes <= 1 << 30 and self.at == data_at
                and len(data) >= data_at):
            self.state = "readable"
            self.read_marks()

    def read_marks(self):
        for at in (320, 384):
            block, named, _, check = struct.unpack_from("<4Q", self.data, at)
            salt = int.from_bytes(self.id[:8], "little")
            if block and check == hash64(self.data[at:at + 24]) ^ salt:
                if block > self.mark:
                    self.mark, self.mark_hash = block, named

    def rows(self, drained):
        """How many valid rows wait behind head, or behind what the journal names."""
        count = 0
        for lane in range(self.lanes):
            begin = self.at + lane * self.lane_bytes
            if begin + self.lane_bytes > len(self.data):
                continue
            tail, = struct.unpack_from("<Q", self.data, 4096 + 256 * lane)
            head, = struct.unpack_from("<Q", self.data, 4096 + 256 * lane + 64)
            count += self.lane_rows(lane, max(head, drained.get(lane, 0)), tail,
                                    self.data[begin:begin + self.lane_bytes])
        return count

    def lane_rows(self, lane, at, tail, data):
        count, data = 0, data + data
        while at < tail:
            place = at % self.lane_bytes
            if tail - at > self.lane_bytes or tail - at < 16:
                break
            body, check, stamp = struct.unpack_from("<2IQ", data, place)
            size = (16 + body + 7) & ~7
            if not 5 <= body <= self.lane_bytes // 2 or size > tail - at or stamp & 255 > 1:
                break
            mixed = hash64(data[place + 8:place + 16 + body])
            mixed ^= (hash64(self.id) + lane * K1 + at * K2 + (body << 40)) % TWO64
            if check != mixed * K1 % TWO64 >> 32:
                break
            count += stamp & 255 == 0
            at += size
        return count


# ---- where it comes from ----

def container(data):
    """(kind, number, bytes) of each file: fuzz/container.h."""
    c, files = Cursor(data), []
    while c.left() >= 14 and len(files) < 8:
        kind, number, size, chunks = c.uint(1) % 4, c.uint(8), min(c.uint(4), 1 << 18), c.uint(1)
        file = bytearray(size)
        for _ in range(chunks):
            try:
                at, length = c.uint(1) * 4096, min(c.uint(2), 4096)
            except Invalid:
                c.at = len(c.data)
                length = 0
            chunk = c.take(min(length, c.left()))
            if at < size:
                chunk = chunk[:size - at]
                file[at:at + len(chunk)] = chunk
        files.append((kind, number, bytes(file)))
    return files


def say(files):
    segments, ring, positions = {}, None, []
    for kind, number, data in files:
        if kind == 0 and number:
            segments[number] = data
        elif kind == 1:
            ring = data
        elif kind == 2:
            positions += [struct.unpack_from("<16s3Q", data, i)
                          for i in range(0, len(data) - 39, 40)]
    r = Ring(ring)
    s = [Segment(n, d) for n, d in sorted(segments.items())]
    valid = [x for x in s if x.state == "valid"]
    journal = valid[-1].journal if valid else None
    marks = [r.mark] if r.state == "readable" and r.journal == journal else []
    mine = [p for p in positions if p[0] == journal]
    j = Journal(s, marks, r if marks else None)
    said = {"journal": j.state if files else "absent", "ring": r.state, "rot": j.rot,
            "last_block": j.last, "rows": j.rows, "plain": j.plain and not mine}
    return said


def read_directory(path):
    files = []
    for entry in sorted(os.listdir(path)):
        m = re.fullmatch(r"segment-(\d{20})", entry)
        if m or entry == "ring":
            with open(os.path.join(path, entry), "rb") as f:
                files.append((0 if m else 1, int(m[1]) if m else 0, f.read()))
    return files


def read(path):
    if os.path.isdir(path):
        return say(read_directory(path))
    with open(path, "rb") as f:
        files = container(f.read())
    return say(files) if files else {}


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(json.dumps(read(argument)))
