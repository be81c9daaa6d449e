#!/usr/bin/env python3
"""A second reader of the format, written from docs/FORMAT.md alone.

    reader.py DIRECTORY|CONTAINER ...

Prints for each a JSON object: the state of journal and ring, whether promised blocks are damaged, and
every row of the stream that can be read. DIRECTORY is a journal's; CONTAINER is what the fuzz harnesses
read (fuzz/container.h). It is plain rather than fast: each section below is a section of the document.
Needs the Debian packages python3-xxhash and python3-zstandard."""

import json
import math
import os
import re
import struct
import sys

import xxhash
import zstandard

ALIGN, BLOCK_HEADER, SEGMENT_HEADER = 4096, 160, 256
RAW_MAX, LANES_LIMIT, COLUMNS_MAX, NAME_MAX, TABLES_MAX = 1 << 30, 1024, 2000, 1024, 4096
TEMPLATES = 1  # feature bit of blocks and rings
BATCHES = 2  # feature bit of rings
SHUFFLED = 4  # feature bit of blocks
TAGS = {0, *range(0x11, 0x19), 0x28, *range(0x31, 0x35), *range(0x41, 0x45)}
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
        need(1 <= table and 1 <= columns <= COLUMNS_MAX)
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


def declaration(c, templates=True):
    """(number, columns) of a table, or (number, Template)."""
    table, columns = c.uint(2), c.uint(2)
    if table > TABLES_MAX:
        need(templates)
        return table, Template(c, columns)
    need(1 <= table and 1 <= columns <= COLUMNS_MAX)
    name(c)
    types, names = [], set()
    for _ in range(columns):
        types.append(c.uint(1))
        names.add(lower(name(c)))
    need(all(1 <= t <= 5 for t in types) and types.count(5) <= 1 and len(names) == columns)
    return table, columns


class Template:
    """What follows a template's number and the number of its parameters."""

    def __init__(self, c, parameters):
        self.parameters, self.table, columns = parameters, c.uint(2), c.uint(2)
        need(1 <= self.table <= TABLES_MAX)
        need(1 <= parameters <= COLUMNS_MAX and 1 <= columns <= COLUMNS_MAX)
        self.sources = [self.source(c) for _ in range(columns)]

    def source(self, c):
        """A function of the parameters."""
        kind = c.uint(1)
        if kind == 1:
            constant = value(c, c.uint(1))
            return lambda given: constant
        need(kind in (2, 3, 4))
        i = c.uint(2)
        if kind == 2:
            need(i < self.parameters)
            return lambda given: given[i]
        if kind == 3:
            pieces = parse_format(c.take(c.uint(2)))
            need(i + sum(p.takes for p in pieces if isinstance(p, Conversion)) <= self.parameters)
            return lambda given: "t" + format_text(pieces, given[i:]).hex()
        names = [name(c) for _ in range(c.uint(2))]
        need(names and i + len(names) <= self.parameters)
        return lambda given: "t" + format_object(names, given[i:]).hex()

    def expand(self, values, columns):
        """[table, value ...], or None where the row is damaged."""
        if len(values) > self.parameters or columns.get(self.table, 0) < len(self.sources):
            return None
        given = values + ["n"] * (self.parameters - len(values))
        return [self.table] + [source(given) for source in self.sources]


class Conversion:
    """What stands between % and a letter, and that letter."""

    def __init__(self, flags, width, precision, length, letter):
        if letter in "CS":  # lc and ls
            need(length == "")
            length, letter = "l", letter.lower()
        self.flags, self.letter = set(flags), letter
        self.width, self.precision = self.number(width or "0"), None
        if precision:
            self.precision = self.number(precision[1:] or "0")
        self.takes = 1 + (self.width is None) + (precision == ".*")
        self.star = precision == ".*"
        need(letter not in "csmp" or self.flags <= {"-"})
        need(letter != "p" or not precision)
        if length == "L":
            need(letter in "eEfFgGaA")
        elif length == "l":
            need(letter not in "pm")
        elif length:
            need(letter in "diouxX")

    @staticmethod
    def number(digits):
        return None if digits == "*" else min(int(digits), 16384)

    def format(self, given):
        """The text that it makes of its parameters."""
        flags, width, precision = set(self.flags), self.width, self.precision
        given = list(given)
        if width is None:
            width = star(given.pop(0))
            if width < 0:
                flags, width = flags | {"-"}, -width
            width = min(width, 16384)
        if self.star:
            precision = star(given.pop(0))
            precision = None if precision < 0 else min(precision, 16384)
        return convert(self.letter, flags, width, precision, given.pop(0))


def star(v):
    return int(v[1:]) if v[0] == "i" else 0


CONVERSION = re.compile(r"%([-+ #0]*)(\*|\d*)(\.\*|\.\d*)?(hh|h|ll|l|q|j|z|t|L|)([diouxXeEfFgGaAcspmCS])",
                        re.ASCII)


def parse_format(text):
    """Bytes and conversions."""
    need(len(text) <= 4096 and 0 not in text)
    pieces, at, text = [], 0, text.decode("latin-1")
    while at < len(text):
        percent = text.find("%", at)
        if percent < 0:
            percent = len(text)
        pieces.append(text[at:percent].encode("latin-1"))
        at = percent
        if text[at:at + 2] == "%%":
            pieces.append(b"%")
            at += 2
        elif at < len(text):
            m = CONVERSION.match(text, at)
            need(m)
            pieces.append(Conversion(*m.groups()))
            at = m.end()
    return pieces


def format_text(pieces, given):
    text = b""
    for piece in pieces:
        if isinstance(piece, Conversion):
            text += piece.format(given[:piece.takes])
            given = given[piece.takes:]
        else:
            text += piece
    return text if len(text) <= 4095 else text[:whole(text, 4086)] + "… [cut]".encode()


def character(text, at):
    """Length of the UTF-8 character that begins here, or 0."""
    for length in range(1, 5):
        try:
            text[at:at + length].decode()
            return length if at + length <= len(text) else 0
        except UnicodeDecodeError:
            pass
    return 0


def whole(text, end):
    """The end, or the beginning of the character that goes on there."""
    for begin in range(end - 3, end):
        if begin + character(text, begin) > end:
            return begin
    return end


def pad(text, flags, width):
    fill = b" " * (width - len(text))
    return text + fill if "-" in flags else fill + text


def convert(letter, flags, width, precision, v):
    kind = v[0]
    if letter in "di" and kind == "i":
        return integer(int(v[1:]), "d", flags, width, precision)
    if letter in "ouxX" and kind == "i":
        return integer(int(v[1:]) % TWO64, letter, flags, width, precision)
    if letter in "eEfFgGaA" and kind == "r":
        return real(as_real(v), letter, flags, width, precision)
    if letter == "c" and kind == "i":
        return pad(bytes([int(v[1:]) & 255]), flags, width)
    if letter == "p" and kind == "i":
        bits = int(v[1:]) % TWO64
        return pad(b"0x%x" % bits if bits else b"(nil)", flags, width)
    if letter in "sm" and kind == "t":
        return pad(bytes.fromhex(v[1:])[:precision], flags, width)
    if letter in "sm" and kind == "n":
        short = precision is not None and precision <= 5
        return pad(b"" if short else b"(null)", flags, width)
    if letter == "m" and kind == "i":
        return pad((b"Unknown error " + v[1:].encode())[:precision], flags, width)
    if kind == "t":
        return pad(bytes.fromhex(v[1:]), flags, width)
    if kind == "n":
        return pad(b"(null)", flags, width)
    return v[1:].encode() if kind in "ib" else shortest(as_real(v))


def integer(number, letter, flags, width, precision):
    """C17, 7.21.6.1, paragraphs 4 to 8."""
    magnitude = abs(number)
    digits = {"d": "%d", "u": "%d", "o": "%o", "x": "%x", "X": "%X"}[letter] % magnitude
    if precision == 0 and magnitude == 0:
        digits = ""
    digits = digits.rjust(precision or 0, "0")
    sign = ""
    if letter == "d":
        sign = sign_of(number < 0, flags)
    elif "#" in flags and letter == "o" and digits[:1] != "0":
        digits = "0" + digits
    elif "#" in flags and letter in "xX" and magnitude:
        sign = "0" + letter
    if "0" in flags and "-" not in flags and precision is None:
        digits = digits.rjust(width - len(sign), "0")
    return pad((sign + digits).encode(), flags, width)


def sign_of(negative, flags):
    return "-" if negative else "+" if "+" in flags else " " if " " in flags else ""


def as_real(v):
    return struct.unpack(">d", bytes.fromhex(v[1:]))[0]


def real(number, letter, flags, width, precision):
    sign = sign_of(math.copysign(1, number) < 0, flags)
    if math.isinf(number) or math.isnan(number):
        text = "inf" if math.isinf(number) else "nan"
        return pad((sign + (text.upper() if letter in "EFGA" else text)).encode(), flags, width)
    number = abs(number)
    if letter in "aA":
        prefix, digits = "0x", hexadecimal(number, precision, "#" in flags)
    else:
        alternative = "#" if "#" in flags else ""
        precision = 6 if precision is None else precision
        prefix, digits = "", "%{}.{}{}".format(alternative, precision, letter) % number
    if letter == "A":
        prefix, digits = "0X", digits.upper()
    if "0" in flags and "-" not in flags:
        digits = digits.rjust(width - len(sign) - len(prefix), "0")
    return pad((sign + prefix + digits).encode(), flags, width)


def hexadecimal(number, precision, alternative):
    """The digits and the exponent of %a."""
    fraction, exponent = math.frexp(number)
    exponent = max(exponent - 1, -1022) if number else 0
    scaled = int(math.ldexp(number, 52 - exponent)) if number else 0  # exact: 53 bits
    if precision is None:
        digits = ("%013x" % (scaled & (1 << 52) - 1)).rstrip("0")
    elif precision >= 13:
        digits = "%013x" % (scaled & (1 << 52) - 1) + "0" * (precision - 13)
    else:
        drop = 4 * (13 - precision)
        low, half = scaled & (1 << drop) - 1, 1 << drop - 1
        scaled >>= drop
        scaled += low > half or low == half and scaled & 1
        scaled <<= drop
        digits = ("%013x" % (scaled & (1 << 52) - 1))[:precision]
    point = "." if digits or alternative else ""
    return "%d%s%sp%+d" % (scaled >> 52, point, digits, exponent)


def shortest(number):
    for digits in (15, 16, 17):
        text = "%.*g" % (digits, number)
        if float(text) == number:
            break
    if math.isnan(number):
        text = sign_of(math.copysign(1, number) < 0, ()) + "nan"
    return text.encode()


def json_string(text):
    out, at = b'"', 0
    while at < len(text):
        length = character(text, at)
        piece = text[at:at + max(length, 1)]
        if not length:
            piece = "\uFFFD".encode()
        elif piece in b'"\\':
            piece = b"\\" + piece
        elif piece < b" ":
            piece = b"\\u%04x" % piece[0]
        out, at = out + piece, at + max(length, 1)
    return out + b'"'


def json_value(v):
    kind = v[0]
    if kind == "r" and math.isfinite(as_real(v)):
        return shortest(as_real(v))
    if kind in "nr":
        return b"null"
    if kind == "i":
        return v[1:].encode()
    return json_string(bytes.fromhex(v[1:])) if kind == "t" else b'"' + v[1:].encode() + b'"'


def format_object(names, given):
    members = [json_string(n) + b":" + json_value(v) for n, v in zip(names, given)]
    text = b"{" + b",".join(members) + b"}"
    while len(text) > 4095:
        members.pop()
        text = b"{" + b",".join(members + ['"…":true'.encode()]) + b"}"
    return text


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
        if version > 1 or incompatible & ~(TEMPLATES | SHUFFLED):
            self.state = "newer"
            return
        self.templates = incompatible & TEMPLATES
        codec = self.codec in (0, 1) or self.codec == 2 and self.kind == 1 and incompatible & SHUFFLED
        self.extent = (BLOCK_HEADER + self.stored + ALIGN - 1) // ALIGN * ALIGN
        sizes = (self.stored == self.raw) if self.codec == 0 else 1 <= self.stored < self.raw
        rows = (1 <= self.rows <= (self.raw - 24) // 9) if self.kind == 1 else self.rows == 0
        if (header == 160 and version == 1 and zero == 0 and not any(zeros)
                and self.kind in (1, 2, 3) and codec
                and self.segment >= 1 and self.offset % ALIGN == 0 and self.offset >= ALIGN
                and self.offset + self.extent <= (1 << 63) - 1
                and 1 <= self.block <= TWO64 - 2 and self.durable < self.block
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
        need(len(raw) == raw_bytes and d.unused_data == b"" and d.eof)
        return raw
    except (zstandard.ZstdError, MemoryError):
        raise Invalid from None


def unshuffled(raw, count):
    """The payload of rows whose bytes come by columns."""
    c = head(raw)[0]
    begin = c.at
    planes = c.take(8 * count)
    rows = [bytearray(planes[i::count]) for i in range(count)]
    tables = {}
    for row in rows:
        length, table, columns = struct.unpack("<I2H", row)
        need(table and 1 <= columns <= COLUMNS_MAX and length >= 4 + columns)
        tables.setdefault(table, (columns, []))[1].append((row, bytearray()))
        need(tables[table][0] == columns)
    for columns, own in tables.values():
        for _ in range(columns):
            tags = c.take(len(own))
            values = [bytearray() for _ in own]
            need(all(tag in TAGS for tag in tags))
            for b in range(8):
                for tag, value in zip(tags, values):
                    if tag & 15 > b:
                        value.append(c.uint(1))
            for tag, value, (row, behind) in zip(tags, values, own):
                text = c.take(int.from_bytes(value, "little")) if tag >> 4 >= 3 else b""
                row.append(tag)
                behind += value + text
                need(len(row) + len(behind) <= 4 + int.from_bytes(row[:4], "little"))
    for _, own in tables.values():
        for row, behind in own:
            row += behind
            need(len(row) == 4 + int.from_bytes(row[:4], "little"))
    need(c.left() == 0)
    return raw[:begin] + b"".join(rows)


# ---- 5. Payloads ----

def head(raw):
    """The head of a payload: a cursor behind it, ring id, lanes and their positions."""
    c, positions = Cursor(raw), {}
    ring, count, zero = c.take(16), c.uint(4), c.uint(4)
    need(count <= LANES_LIMIT and zero == 0)
    former = -1
    for _ in range(count):
        lane, zero, position = c.uint(4), c.uint(4), c.uint(8)
        need(former < lane < LANES_LIMIT and zero == 0)
        former = lane
        positions[lane] = position
    return c, ring, positions


def lanes(raw):
    return head(raw)[1:]


def payload(b, raw):
    """The rows of a payload, as bytes, or its declarations."""
    c, body = head(raw)[0], []
    if b.kind == 1:
        while c.left():
            body.append(c.take(c.uint(4)))
        need(len(body) == b.rows)
    elif b.kind == 3:
        body = [declaration(c, b.templates) for _ in range(c.uint(4))]
    need(c.left() == 0)
    return body


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
        coherent = (self.first_block == self.before_block + 1 and self.first_row >= 1
                    and (self.before_block != 0 or self.before_hash == 0) and any(self.journal))
        if self.sound and coherent and self.segment == number:
            self.state = "valid"


# ---- 7. The stream ----

def known(journal):
    """Zeros are nobody's id."""
    return journal if any(journal) else None


class Newer(Exception):
    """A block of a newer version stands where the next one should."""


class Link:
    """One segment of the path, or the place of one that is missing."""

    def __init__(self, number, segment, end, journal):
        self.number, self.segment, self.end, self.journal = number, segment, end, journal
        self.incarnation = self.begin = self.first = self.first_row = self.before = 0
        self.promised, self.data = 0, b""
        self.headed = segment is not None and segment.state == "valid"
        if segment is None:
            return
        self.data, self.begin = segment.data, ALIGN
        if segment.state == "valid":
            self.data = self.data[:segment.bytes]
            self.incarnation, self.first = segment.incarnation, segment.first_block
            self.first_row, self.before = segment.first_row, segment.before_hash
        else:  # what the first block says instead of the header
            b = self.search(ALIGN, 0)
            if b:
                self.begin, self.incarnation = b.offset, b.incarnation
                self.journal = known(b.journal)
                self.first, self.first_row, self.before = b.block, b.first_row, b.previous
        if end is not None:
            self.data = self.data[:end]

    def owns(self, b, at):
        return (b.segment == self.number and b.offset == at and self.journal in (None, b.journal)
                and (b.state == "newer" or self.incarnation in (0, b.incarnation)))

    def block(self, at):
        """The header at this place, if it is one of this segment."""
        b = Block(self.data[at:at + BLOCK_HEADER])
        if b.state not in ("valid", "newer") or not self.owns(b, at):
            return None
        if b.state == "valid" and b.stored > len(self.data) - at - BLOCK_HEADER:
            return None
        return b

    def search(self, at, above):
        """The next header behind damage."""
        for place in range(at, len(self.data), ALIGN):
            b = self.block(place)
            if b and b.state == "valid" and b.block > above:
                return b
        return None

    def stored(self, b):
        return self.data[b.offset + BLOCK_HEADER:b.offset + BLOCK_HEADER + b.stored]

    def intact(self, b):
        return hash64(self.stored(b)) == b.payload_hash

    def content(self, b):
        """(head, rows or declarations) of an intact block, or None when it is not valid."""
        try:
            stored = self.stored(b)
            raw = frame(stored, b.raw) if b.codec else stored
            raw = unshuffled(raw, b.rows) if b.codec == 2 else raw
            return lanes(raw), payload(b, raw)
        except Invalid:
            return None

    def tail(self, begin):
        """What stands from the end on: (torn, the highest durable block that is named there)."""
        own = old = strange = begun = False
        durable = 0
        for at in range(begin, len(self.data), ALIGN):
            page = self.data[at:at + ALIGN]
            b = Block(page)
            if not any(page):
                continue
            if b.state == "valid" and self.owns(b, at):
                own, durable = True, max(durable, b.durable)
            elif b.state in ("valid", "newer"):
                old = True
            else:
                strange = True
                begun |= at == begin and len(page) >= BLOCK_HEADER and page[:8] == b"WEIRBLK1"
        return own or strange and (begun or not old), durable


class Walk:
    """Through the path: what can be read, and what is lost."""

    def __init__(self, links, ring, position):
        self.links, self.ring, self.position = links, ring, position
        self.blocks, self.damages, self.open = [], [], None
        self.next = self.row = self.hash = 0
        self.mark, self.promised = (0, 0, 0), 0  # block, hash, row; and without the database's
        self.torn = self.behind = False
        self.older = bool(ring and position and 0 < ring.mark < position[1])
        self.named = {}  # hashes of the blocks, as they or their successors say
        if position:
            self.vouch(position[1], position[3], position[2], True)
        if ring:
            self.vouch(ring.mark, ring.mark_hash, ring.mark_row)
        for link in links:
            if link.segment and link.segment.state == "valid":
                s = link.segment
                self.vouch(s.before_block, s.before_hash, s.first_row - 1)
        for link in links:
            self.meet(link)
            if link.first:
                self.through(link)
            self.former = link
        self.end()

    def vouch(self, block, named=0, row=0, database=False):
        if block > self.mark[0] or block == self.mark[0] and not self.mark[1] and named:
            self.mark = (block, named, row)
        if not database:
            self.promised = max(self.promised, block)

    def vouch_for_row(self):
        """The block that holds the last row applied is promised."""
        if self.position and self.row and self.position[2] >= self.row:
            self.vouch(self.next, 0, self.position[2], True)

    def expect(self, block, row, named):
        self.next, self.row, self.hash = block, row, named
        self.named[block - 1] = named

    # -- what is lost --

    def lose(self, block, row, until=None, until_row=None):
        damage = [block, row, 0, 0]
        self.damages.append(damage)
        if until is None:
            self.open = damage
        else:
            self.close(until, until_row, damage)

    def close(self, block, row, damage=None):
        damage = damage or self.open
        if damage:
            first, first_row = damage[:2]
            blocks = [first, block - 1] if first and block > first else [0, 0]
            rows = [first_row, row - 1] if first_row and row > first_row else [0, 0]
            damage[:] = blocks + rows
        self.open = None

    # -- where two segments meet --

    def meet(self, link):
        differs = (self.hash, self.row) != (link.before, link.first_row)
        last = self.blocks[-1][1] if self.blocks else None
        if link.first:
            adjacent = last and last.block + 1 == self.next
            lost = self.damages and 0 < self.damages[-1][1] == self.next - 1
            rows_missing = (link.first == self.next and lost and self.row
                            and link.first_row > self.row)
            if self.next and not self.open and (link.first > self.next or rows_missing):
                self.lose(self.next, self.row)
            elif adjacent and differs and (not self.open or link.first == self.next):
                any_row = link.first_row > last.first_row
                rows = [last.first_row, link.first_row - 1] if any_row else [0, 0]
                self.damages.append([last.block, last.block] + rows)
                self.blocks.pop()
            self.close(link.first, link.first_row)
            self.expect(link.first, link.first_row, link.before)
        if link.segment is None or link.segment.state != "valid":
            if link.first:  # the header alone is lost
                self.damages.append([0, 0, 0, 0])
            else:
                self.close(0, 0)
                self.lose(self.next, self.row)

    # -- within a segment --

    def promise(self, link):
        return link.promised or (self.promised if self.older else self.mark[0])

    def through(self, link):
        at, more, self.torn, self.surveyed = link.begin, True, False, False
        while more and len(link.data) - at >= BLOCK_HEADER:
            if link.promised and self.next > link.promised:
                break
            b = link.block(at)
            if b and b.state == "newer":
                raise Newer
            if b and b.block == self.next and self.is_good(link, b):
                self.take(link, b)
                at += b.extent
            else:
                at, more = self.skip(link, b, at)
        self.check_length(link)

    def is_good(self, link, b):
        if (b.first_row, b.previous) != (self.row, self.hash) or not link.intact(b):
            return False
        if link.content(b):
            return True
        self.vouch(b.block, b.hash, b.first_row + b.rows - 1)  # written so: no torn tail
        return False

    def take(self, link, b):
        self.blocks.append((link, b))
        self.expect(b.block + 1, b.first_row + b.rows, b.hash)
        self.vouch(b.durable)
        if self.position and b.rows and self.position[2] >= b.first_row:
            self.vouch(b.block, b.hash, self.row - 1, True)

    def is_closed(self, link):
        last = self.blocks[-1] if self.blocks else None
        return (last and last[1].segment == link.number and last[1].kind == 2
                and last[1].codec == 0 and last[1].raw == 24 and not any(link.stored(last[1])))

    def survey(self, link, at):
        if not self.surveyed and not self.is_closed(link):
            self.torn, durable = link.tail(at)
            self.surveyed = True
            self.vouch(durable)

    def skip(self, link, b, at):
        if not link.promised:
            self.survey(link, at)
            self.vouch_for_row()
        if self.next > self.promise(link):
            return at, False
        if b and b.block == self.next:  # it alone is lost
            row = b.first_row + b.rows
            self.lose(self.next, self.row, b.block + 1, max(row, self.row))
            self.expect(b.block + 1, row, b.hash)
            return at + b.extent, True
        if not b or b.block < self.next:
            b = link.search(at + ALIGN, self.next)
            if b and link.promised and b.block > link.promised:
                b = None
        if not b:
            if link.promised and link.end is not None or not link.promised and self.torn:
                self.close(0, 0)
                self.lose(self.next, self.row)
            return at, False
        return b.offset, self.skip_to(link, b)

    def skip_to(self, link, b):
        promise = self.promise(link)
        reached = b.block - 1 <= promise
        block, row = b.block, b.first_row
        if not reached:  # above every mark: the stream ends
            block = promise + 1
            if self.mark[0] == promise and self.mark[2] and self.mark[2] + 1 >= self.row:
                row = self.mark[2] + 1
        row = max(row, self.row)
        self.lose(self.next, self.row, block, row)
        if reached:
            self.expect(block, row, b.previous)
        else:
            self.next, self.row = block, row
        return reached

    def check_length(self, link):
        s = link.segment
        if s.state != "valid" or s.bytes <= len(s.data) or len(link.data) != len(s.data):
            return
        if not link.promised and self.is_closed(link):
            return
        if not link.promised:
            self.torn = True
        if not self.open and self.next <= self.promise(link):
            self.lose(self.next, self.row)

    def end(self):
        self.vouch_for_row()
        block, _, row = self.mark
        if self.next <= block:
            self.behind = (not self.damages and self.promised < self.next
                           and (self.older or not self.torn))
            if not self.open:
                self.lose(self.next, self.row)
            self.close(block + 1, row + 1 if row and row + 1 >= self.row else 0)
        self.close(0, 0)
        mark = self.ring.mark if self.ring else 0
        if mark and self.named.get(mark, self.ring.mark_hash) != self.ring.mark_hash:
            self.damages.append([mark, mark, 0, 0])


class Journal:
    def __init__(self, segments, positions, ring):
        self.segments = {s.number: s for s in segments if s.state != "absent"}
        self.state, self.rot, self.torn, self.rows, self.last = "empty", False, False, [], 0
        self.damages, self.drained, self.position, self.closed = [], {}, "none", False
        self.ring_named, self.named_by, self.short = None, 0, False
        valid = [s for s in self.segments.values() if s.state == "valid"]
        self.journal = known(valid[-1].journal) if valid else None
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
        if self.state == "present":
            self.read(positions, ring)

    def mine(self, positions):
        """The database's position in this journal."""
        return next((p for p in positions if p[0] == self.journal), None)

    def path(self, applied):
        """Rule 2: from the youngest back, oldest first."""
        links, number, end = [], max(self.segments), None
        while True:
            s = self.segments.get(number)
            links.append(Link(number, s, end, self.journal))
            if s is not None and s.state != "valid" and links[-1].journal:
                self.journal = links[-1].journal
            below = [n for n in self.segments if n < number]
            if s is not None and s.state == "valid":
                number, end = s.before_segment, s.before_offset
                if number == 0:
                    break
                gone = s.before_block <= applied or not any(n < number for n in self.segments)
                if number not in self.segments and gone:
                    break
            elif below:
                number, end = max(below), None
            else:
                break
        links.reverse()
        first = None
        for link in reversed(links):
            if first and not link.headed and link.first >= first:
                link.first = 0  # what was found there is void
            if first:
                link.promised = first - 1
            if first == 1:
                link.data = b""  # no block comes before the first
            if link.first and (first is None or link.first < first):
                first = link.first
        return links

    def read(self, positions, ring):
        mine = self.mine(positions)
        links = self.path(mine[1] if mine else 0)
        if self.journal is None and ring.state == "readable":
            self.journal = known(ring.journal)
        mine = self.mine(positions)
        ours = ring if ring.state == "readable" and self.journal in (None, ring.journal) else None
        try:
            w = Walk(links, ours, mine)
        except Newer:
            self.state = "newer"
            return
        self.damages, self.rot = w.damages, bool(w.damages) and not w.behind
        self.torn = w.torn and not self.rot
        base = links[0].first - 1 if links[0].first else 0
        self.last = w.blocks[-1][1].block if w.blocks else base
        self.short = self.last < w.mark[0]
        self.judge_position(w, mine, base, bool(positions))
        self.read_rows(w)
        if w.blocks:
            link, b = w.blocks[-1]
            self.ring_named, self.drained = link.content(b)[0]
            self.named_by = b.block
            self.closed = b.kind == 2 and not any(self.ring_named) and not self.drained

    def read_rows(self, w):
        """[number, table, value ...]; behind those of a template the row that it makes, or None."""
        declared = {}
        for link, b in w.blocks:
            for i, item in enumerate(link.content(b)[1]):
                if b.kind == 3:
                    declared[item[0]] = item[1]
                    continue
                r = row(item) or [None]
                if r[0] and r[0] > TABLES_MAX:
                    template = declared.get(r[0]) if b.templates else None
                    r.append(template.expand(r[1:], declared) if template else None)
                self.rows.append([b.first_row + i] + r)

    def judge_position(self, w, mine, base, others):
        if not mine:
            self.position = "other" if others else "none"
        elif w.named.get(mine[1], mine[3]) != mine[3]:
            self.position = "differs"
        elif mine[1] < base:
            self.position = "before"
        else:
            self.position = "beyond" if w.behind else "matches"


# ---- 8. The ring ----

K1, K2 = 0xD6E8FEB86659FD93, 0x9E3779B97F4A7C15


class Ring:
    def __init__(self, data):
        self.state, self.mark, self.mark_hash, self.mark_row = "absent", 0, 0, 0
        self.data, self.id, self.journal = data, None, None
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
        if version > 1 or incompatible & ~(TEMPLATES | BATCHES):
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
            block, named, row_number, check = struct.unpack_from("<4Q", self.data, at)
            salt = int.from_bytes(self.id[:8], "little")
            last = 2**64 - 1
            if not block or block == last or row_number == last:
                continue
            if check == hash64(self.data[at:at + 24]) ^ salt:
                if block > self.mark:
                    self.mark, self.mark_hash, self.mark_row = block, named, row_number

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

    def record(self, lane, at, tail, data):
        """The place after a valid record, its epoch and its kind; None: it is not valid."""
        place = at % self.lane_bytes
        if tail - at > self.lane_bytes or tail - at < 16:
            return None
        body, check, stamp = struct.unpack_from("<2IQ", data, place)
        size = (16 + body + 7) & ~7
        if not 5 <= body <= self.lane_bytes // 2 or size > tail - at or stamp & 255 > 2:
            return None
        mixed = hash64(data[place + 8:place + 16 + body])
        mixed ^= (hash64(self.id) + lane * K1 + at * K2 + (body << 40)) % TWO64
        return (at + size, stamp >> 8, stamp & 255) if check == mixed * K1 % TWO64 >> 32 else None

    def lane_rows(self, lane, at, tail, data):
        count, data = 0, data + data
        while at < tail:
            record = self.record(lane, at, tail, data)
            begin, rows, epoch = at, 1, record and record[1]
            while record and record[2] == 2:  # its batch goes on
                record = self.record(lane, record[0], tail, data) if record[0] < tail else None
                if record and (record[1] != epoch or record[2] == 1 or
                               record[0] - begin > self.lane_bytes // 2):
                    record = None
                rows += 1
            if not record:
                break
            count += 0 if record[2] == 1 else rows
            at = record[0]
        return count


# ---- sinks (§14) ----

def padded(field, length):
    """The text of so many bytes, which zeros follow and which has none."""
    need(length <= len(field) and not any(field[length:]) and 0 not in field[:length])
    return field[:length]


def sink_record(data):
    """What a file sinks/NAME says."""
    if (len(data) < 512 or data[:8] != b"WEIRSNK1"
            or struct.unpack_from("<Q", data, 504)[0] != hash64(data[:504])):
        return {"record": "not valid"}
    (version, size, incompatible, _, journal, block, row, named, begin, wall, lag_limit, at_limit, state,
     name, kind, place, zero) = struct.unpack_from("<4I16s4QqQ6I", data, 8)
    if version > 1 or incompatible:
        return {"record": "newer"}
    try:
        need(version == 1 and size == 512 == len(data) and zero == 0 and not any(data[448:504]))
        name, kind = padded(data[112:176], name), padded(data[176:192], kind)
        place = padded(data[192:448], place)
        need(re.fullmatch(rb"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", name))
        need(any(journal) and max(block, row, begin) < 1 << 63 and (block or not named))
        need(at_limit <= 1 and state <= 1)
    except Invalid:
        return {"record": "not valid"}
    return {"record": "valid", "journal": journal.hex(), "block": block, "row": row, "hash": named,
            "begin": begin, "wall": wall, "lag_limit": lag_limit, "at_limit": at_limit, "state": state,
            "name": name.decode(), "kind": kind.hex(), "place": place.hex()}


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
    j = Journal([Segment(n, d) for n, d in sorted(segments.items())], positions, r)
    return {"journal": j.state if files else "absent", "ring": r.state, "ring_rows": waiting(j, r),
            "rot": j.rot, "torn": j.torn, "position": j.position, "last_block": j.last,
            "damages": j.damages, "rows": j.rows}


def waiting(j, r):
    """Rows of the ring that are not in the journal."""
    if r.state != "readable":
        return 0
    ours = j.ring_named == r.id
    outlived = r.mark and not ours and j.named_by > r.mark
    if j.state == "present" and (outlived or j.closed and not j.short):
        return 0
    return r.rows(j.drained if ours else {})


def read_directory(path):
    files = []
    for entry in sorted(os.listdir(path)):
        m = re.fullmatch(r"segment-(\d{20})", entry)
        if m or entry == "ring":
            with open(os.path.join(path, entry), "rb") as f:
                files.append((0 if m else 1, int(m[1]) if m else 0, f.read()))
    return files


def read_sinks(path):
    """By name; a file whose name is not what it says is not valid."""
    folder, found = os.path.join(path, "sinks"), {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", name):
            with open(os.path.join(folder, name), "rb") as f:
                found[name] = sink_record(f.read())
            if found[name].get("name", name) != name:
                found[name] = {"record": "not valid"}
    return found


def read(path):
    if os.path.isdir(path):
        return {**say(read_directory(path)), "sinks": read_sinks(path)}
    with open(path, "rb") as f:
        files = container(f.read())
    return say(files) if files else {}


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(json.dumps(read(argument)))
