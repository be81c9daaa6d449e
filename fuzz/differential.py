#!/usr/bin/env python3
"""Two readers, one answer: the library (weir-fuzz-say) and fuzz/reader.py over every container.

    differential.py [--mutate COUNT SEED] SAY DIRECTORY ...

With --mutate also over COUNT inputs that nobody has seen, the same ones for the same seed: journals of
the corpus, hurt in places and sealed again, beside databases that stand at one of their blocks; and a
tenth as many journals of templates put together at random, each with hundreds of texts. Exits 1 where they
disagree: a finding in one of three, the code, docs/FORMAT.md or the reader. All that both say is compared: what journal and ring are, the rows that wait in the ring, rot and torn tail, the
blocks and rows of each damage, what the stored position is worth, and every row with its values, in
front of damage and behind it."""

import json
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the source tree stays as it is

try:
    import reader
except ImportError as missing:
    print(f"skipped: {missing.name} is missing (apt-get install python3-xxhash python3-zstandard)")
    sys.exit(77)

HARNESSES = ("segment", "directory", "ring", "dump")


def containers(roots):
    for root in roots:
        for harness in HARNESSES:
            folder = os.path.join(root, harness)
            if os.path.isdir(folder):
                yield from (os.path.join(folder, name) for name in sorted(os.listdir(folder)))


# ---- inputs that nobody has seen ----

def pack(files):
    """What reader.container reads, without the pages that are zero."""
    out = b""
    for kind, number, data in files:
        pages = [(i // 4096, data[i:i + 4096].rstrip(b"\0")) for i in range(0, len(data), 4096)]
        pages = [(page, body) for page, body in pages if body]
        out += struct.pack("<BQIB", kind, number, len(data), len(pages))
        for page, body in pages:
            out += struct.pack("<BH", page, len(body)) + body
    return out


def seal(page, length):
    """Let the hash at the end of a header agree again."""
    body = bytes(page[:length - 8])
    page[length - 8:length] = struct.pack("<Q", reader.hash64(body))


def blocks_of(files):
    for n, (kind, number, data) in enumerate(files):
        for at in range(4096, len(data) if kind == 0 else 0, 4096):
            b = reader.Block(data[at:at + 160])
            if b.state == "valid":
                yield n, at, b


def change_field(data, at, dice, fields, length):
    offset, width = dice.choice(fields)
    old = int.from_bytes(data[at + offset:at + offset + width], "little")
    new = dice.choice([old + 1, old - 1, old + dice.randrange(5), 0, 1, dice.getrandbits(8 * width)])
    data[at + offset:at + offset + width] = (new % (1 << 8 * width)).to_bytes(width, "little")
    page = bytearray(data[at:at + length])
    seal(page, length)
    data[at:at + length] = page


BLOCK_FIELDS = [(12, 2), (14, 2), (40, 8), (48, 8), (64, 8), (72, 8), (80, 4), (104, 8), (112, 8)]
SEGMENT_FIELDS = [(40, 8), (48, 8), (56, 8), (72, 8), (80, 8), (96, 8), (104, 8), (112, 8), (120, 8)]


def hurt(files, dice):
    if not files:
        return
    n = dice.randrange(len(files))
    kind, number, data = files[n]
    found = list(blocks_of(files))
    what = dice.randrange(9)
    if what == 0 and len(files) > 1:
        del files[n]
    elif what == 1:
        data = data[:dice.randrange(len(data) + 1)]
    elif what == 2 and data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif what == 3 and data:
        at = dice.randrange(len(data)) // 4096 * 4096
        data[at:at + 4096] = bytes(len(data[at:at + 4096]))
    elif what == 4 and kind == 0 and len(data) >= 256:
        change_field(data, 0, dice, SEGMENT_FIELDS, 256)
    elif what == 5 and kind == 0:
        number = (number + dice.choice([-1, 1])) % reader.TWO64
    elif what == 6 and len(data) >= 8192:
        a, b = (dice.randrange(len(data) // 4096) * 4096 for _ in range(2))
        data[a:a + 4096] = data[b:b + 4096]
    elif found:
        n, at, _ = dice.choice(found)
        kind, number, data = files[n]
        if what == 7:
            data[min(at + dice.randrange(4096), len(data) - 1)] ^= 1 << dice.randrange(8)
        else:
            change_field(data, at, dice, BLOCK_FIELDS, 160)
    if n < len(files) and what:
        files[n] = (kind, number, data)


def stand_at(files, dice):
    """A database whose position is a block of the journal, or nearly."""
    found = list(blocks_of(files))
    if not found or len(files) > 7:
        return
    _, _, b = dice.choice(found)
    block = max(0, b.block + dice.choice([0, 0, 0, 0, 0, 1, -1, 5]))
    row = b.first_row + b.rows - 1 + dice.choice([0, 0, 0, 1, 3])
    named = b.hash if dice.random() < 0.9 else 1
    position = struct.pack("<16s3Q", b.journal, block, row % reader.TWO64, named)
    files.append((2, 0, bytearray(position)))


def mutants(paths, count, seed, folder):
    dice = random.Random(seed)
    bases = []
    for path in paths:
        with open(path, "rb") as f:
            bases.append(reader.container(f.read()))
    bases = [b for b in bases if sum(1 for _ in blocks_of(b)) > 1]
    for i in range(count):
        files = [(k, n, bytearray(data)) for k, n, data in dice.choice(bases)]
        if dice.random() < 0.5:
            stand_at(files, dice)
        for _ in range(dice.choice([0, 1, 1, 1, 2, 3])):
            hurt(files, dice)
        path = os.path.join(folder, str(i))
        with open(path, "wb") as f:
            f.write(pack(files))
        yield path


# ---- templates that nobody has seen ----

REALS = [0.0, 1.0, 0.1, 2.5, 0.5, 1.5, 1e15, 1e16, 123456789.125, 1e300, 1e-300, 5e-324, 2.2e-308,
         1.7976931348623157e308, float("inf"), float("nan"), 0.30000000000000004, 999999.5, 1e22]
BYTES = [b"", b"a", b"text", b"%d%s", b'"q\\u"', b"\x00\x1f\x7f", "…ü😀".encode(), b"\xc3", b"\xed\xa0\x80",
         b"\xf4\x90\x80\x80", b"\xe2\x80", b"\x80" * 5]


def some_bytes(dice):
    text = dice.choice(BYTES)
    if dice.random() < 0.1:
        text = text * dice.randrange(2000) + bytes(dice.randrange(256) for _ in range(9))
    return text


def some_value(dice):
    """(tag, bytes) of a value; the width is not always the least."""
    kind = dice.randrange(8)
    if kind == 0:
        return 0, b""
    if kind < 4:
        number = dice.choice([0, 1, -1, 9, 65, dice.randrange(-40, 40), dice.getrandbits(63) - 2 ** 62,
                              dice.randrange(10 ** 6), 2 ** 63 - 1, -2 ** 63])
        width = dice.choice([w for w in range(1, 9) if -1 << 8 * w - 1 <= number < 1 << 8 * w - 1])
        return 0x10 | width, number.to_bytes(width, "little", signed=True)
    if kind < 6:
        real = dice.choice([dice.choice(REALS), dice.uniform(-1000, 1000), dice.randrange(10 ** 6) / 64,
                            struct.unpack("<d", dice.getrandbits(64).to_bytes(8, "little"))[0]])
        return 0x28, struct.pack("<d", real * dice.choice([1, -1]))
    text, width = some_bytes(dice), dice.choice([2, 2, 3, 4])
    return dice.choice([0x30, 0x30, 0x30, 0x40]) | width, len(text).to_bytes(width, "little") + text


def some_conversion(dice):
    """A conversion and how many parameters it takes."""
    width = dice.choice(["", "", "", "5", "*", "12", "300", "99999999999"])
    precision = dice.choice(["", "", ".", ".0", ".2", ".*", ".9", ".17", ".40", ".5000"])
    letter = dice.choice("ddiouxXeEfFgGaAcsspmCS")
    flags = "".join(dice.choice("-+ #0") for _ in range(dice.choice([0, 0, 1, 1, 2, 3])))
    length = ""
    if letter in "diouxX":
        length = dice.choice(["", "hh", "h", "l", "ll", "q", "j", "z", "t"])
    elif letter in "eEfFgGaA":
        length = dice.choice(["", "", "l", "L"])
    else:
        flags = flags and dice.choice(["-", "--"])
        precision = "" if letter == "p" else precision
        length = dice.choice(["", "l"]) if letter in "cs" else ""
    return "%" + flags + width + precision + length + letter, 1 + (width == "*") + (precision == ".*")


def some_source(dice, parameters):
    kind = dice.choice([1, 2, 3, 3, 3, 3, 3, 3, 4])
    if kind == 1:
        tag, body = some_value(dice)
        return bytes([1, tag]) + body
    i = dice.randrange(parameters)
    if kind == 2:
        return struct.pack("<BH", 2, i)
    if kind == 4:
        names = [dice.choice(["a", "n\u00e4me", '"', "x\n", "f" * 300]).encode()
                 for _ in range(dice.randrange(1, parameters - i + 1))]
        return struct.pack("<BHH", 4, i, len(names)) + b"".join(struct.pack("<H", len(n)) + n
                                                                for n in names)
    text, left = b"", parameters - i
    for _ in range(dice.randrange(6)):
        conversion, takes = some_conversion(dice)
        text += dice.choice([b"", b"", b" and ", b"100%%: ", b"\xe2\x80\xa6", b"x" * dice.randrange(400)])
        if takes <= left:
            text, left = text + conversion.encode(), left - takes
    if dice.random() < 0.003:  # and so the block is not valid
        text += dice.choice([b"%", b"%5%", b"%n", b"%1$d", b"%'d", b"%Ld", b"%hf", b"%.3p", b"%#s", b"\0"])
    return struct.pack("<BHH", 3, i, len(text)) + text


def some_template(dice, number, columns):
    parameters = dice.randrange(1, 9)
    table = 1 if dice.random() < 0.95 else 2
    sources = [some_source(dice, parameters) for _ in range(dice.randrange(1, columns + 1))]
    return parameters, struct.pack("<4H", number, parameters, table, len(sources)) + b"".join(sources)


def some_row(dice, number, most):
    count = dice.choice([most, most, most, dice.randrange(1, most + 2)])
    values = [some_value(dice) for _ in range(count)]
    data = struct.pack("<2H", number, count) + bytes(tag for tag, _ in values)
    data += b"".join(body for _, body in values)
    return struct.pack("<I", len(data)) + data


def block(files, kind, body, rows, number, former, features):
    """Append a block to the only segment."""
    _, _, data = files[0]
    raw = bytes(24) + body
    at = (len(data) + 4095) // 4096 * 4096
    head = bytearray(struct.pack("<8s4H2I16s5Q4Iq3Q24xQ", b"WEIRBLK1", 160, 1, kind, 0, features, 0,
                                 b"journal of dice!", 1, 1, at, number, 1, rows, len(raw), len(raw),
                                 0, 0, former, number - 1, reader.hash64(raw), 0))
    seal(head, 160)
    data += bytes(at - len(data)) + head + raw
    return struct.unpack("<Q", head[152:])[0]


def templated(dice):
    """A journal whose rows are of templates. In one block in some the feature bit is missing."""
    columns, number = dice.randrange(1, 7), dice.randrange(4097, 65536 - 20)
    declared = struct.pack("<HHH", 1, columns, 1) + b"t"
    declared += b"".join(struct.pack("<BH", 3, 1) + bytes([97 + i]) for i in range(columns))
    templates = [some_template(dice, number + i, columns) for i in range(dice.randrange(1, 12))]
    head = bytearray(struct.pack("<8s2H3I16s3Q2I2Qq4Q120xQ", b"WEIRSEG1", 256, 1, 1, 0, 0,
                                 b"journal of dice!", 1, 1, 1 << 18, 4096, 0, 1, 1, 0, 0, 0, 0, 0, 0))
    seal(head, 256)
    files = [(0, 1, bytearray(head.ljust(4096, b"\0")))]
    body = struct.pack("<I", 1 + len(templates)) + declared + b"".join(t for _, t in templates)
    features = 1 if dice.random() < 0.98 else 0
    former = block(files, 3, body, 0, 1, 0, features)
    rows = b"".join(some_row(dice, number + i, templates[min(i, len(templates) - 1)][0])
                    for i in (dice.randrange(len(templates) + (dice.random() < 0.05))
                              for _ in range(40)))
    block(files, 1, rows, 40, 2, former, 1 if dice.random() < 0.95 else 0)
    data = files[0][2]
    if len(data) > 250000:  # fuzz/container.h takes no more: another throw
        return templated(dice)
    data += bytes((1 << 18) - len(data))
    return files


def made_of_templates(count, seed, folder):
    dice = random.Random(seed)
    for i in range(count):
        path = os.path.join(folder, f"template-{i}")
        with open(path, "wb") as f:
            f.write(pack(templated(dice)))
        yield path


# ---- comparing ----

def differences(code, mine):
    keys = ["journal", "ring", "ring_rows"]
    if mine.get("journal") == "present":
        keys = mine.keys()
    return [f"{k}: the library says {str(code.get(k))[:200]}, the reader {str(mine.get(k))[:200]}"
            for k in keys if code.get(k) != mine.get(k)]


# ---- records of sinks ----

SINK_FIELDS = [(8, 4), (12, 4), (16, 4), (20, 4), (24, 16), (40, 8), (48, 8), (56, 8), (64, 8), (72, 8), (80, 8),
               (88, 4), (92, 4), (96, 4), (100, 4), (104, 4), (108, 4), (112, 8), (118, 64), (176, 16), (192, 256),
               (448, 56)]


def some_field(width, dice):
    value = dice.choice([0, 1, 2, 3, 255, (1 << 63) - 1, 1 << 63, dice.getrandbits(8 * min(width, 8))])
    return (value % (1 << 8 * width)).to_bytes(width, "little")


def sink_records(roots, count, seed, folder):
    """Those of the corpus, and as many that nobody has seen."""
    dice = random.Random(seed)
    bases = [path for root in roots if os.path.isdir(os.path.join(root, "sink"))
             for path in (os.path.join(root, "sink", n) for n in sorted(os.listdir(os.path.join(root, "sink"))))]
    for i in range(count if bases else 0):
        with open(dice.choice(bases), "rb") as f:
            record = bytearray(f.read()[1:])  # the first byte is the harness's
        for _ in range(dice.choice([0, 1, 1, 1, 2])):
            at, width = dice.choice(SINK_FIELDS)
            record[at:at + width] = some_field(width, dice)
        if len(record) >= 512 and dice.random() < 0.9:
            seal(record, 512)
        if dice.random() < 0.05:
            record = record[:dice.randrange(600)] + bytes(dice.randrange(3))
        path = os.path.join(folder, f"sink-{i}")
        with open(path, "wb") as f:
            f.write(record)
        yield path


def compare_sinks(say, paths):
    bad, valid = 0, 0
    for i in range(0, len(paths), 200):
        batch = paths[i:i + 200]
        lines = subprocess.run([say, "--sinks"] + batch, stdout=subprocess.PIPE, check=True).stdout.splitlines()
        for path, line in zip(batch, lines, strict=True):
            with open(path, "rb") as f:
                mine = reader.sink_record(f.read())
            valid += mine["record"] == "valid"
            if json.loads(line) != mine:
                print(f"{path}: the library says {line.decode()}, the reader {json.dumps(mine)}")
                bad += 1
    print(f"{len(paths)} records of sinks, {bad} differences; {valid} valid")
    return bad


def main():
    arguments, count, seed = sys.argv[1:], 0, 0
    if arguments[0] == "--mutate":
        count, seed, arguments = int(arguments[1]), int(arguments[2]), arguments[3:]
    paths = list(containers(arguments[1:]))
    if not paths:
        sys.exit("no container found: the corpus is missing")
    with tempfile.TemporaryDirectory() as folder:
        paths += mutants(paths, count, seed, folder)
        paths += made_of_templates(count // 10, seed, folder)
        bad = compare(arguments[0], paths)
        bad += compare_sinks(arguments[0], list(sink_records(arguments[1:], count, seed, folder)))
        sys.exit(1 if bad else 0)


def compare(say, paths):
    bad = 0
    counts = dict.fromkeys(("streams", "rows", "damaged", "torn", "positions", "waiting", "made"), 0)
    for i in range(0, len(paths), 200):
        batch = paths[i:i + 200]
        lines = subprocess.run([say] + batch, stdout=subprocess.PIPE, check=True).stdout.splitlines()
        for path, line in zip(batch, lines, strict=True):
            mine = reader.read(path)
            present = mine.get("journal") == "present"
            counts["streams"] += present
            counts["rows"] += len(mine["rows"]) if present else 0
            counts["made"] += sum(isinstance(r[-1], list) for r in mine["rows"]) if present else 0
            counts["damaged"] += present and bool(mine["damages"])
            counts["torn"] += present and mine["torn"]
            counts["positions"] += present and mine["position"] not in ("none", "other")
            counts["waiting"] += bool(mine.get("ring_rows"))
            for difference in differences(json.loads(line), mine):
                print(f"{path}: {difference}")
                bad += 1
    print(f"{len(paths)} inputs, {bad} differences; compared in full: {counts['streams']} streams "
          f"({counts['rows']} rows, {counts['made']} made by templates; {counts['damaged']} streams damaged, {counts['torn']} torn, "
          f"{counts['positions']} with a position), {counts['waiting']} rings with rows")
    return bad


if __name__ == "__main__":
    main()
