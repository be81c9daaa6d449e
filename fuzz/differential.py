#!/usr/bin/env python3
"""Two readers, one answer: the library (weir-fuzz-say) and fuzz/reader.py over every container.

    differential.py [--mutate COUNT SEED] SAY DIRECTORY ...

With --mutate also over COUNT inputs that nobody has seen, the same ones for the same seed: journals of
the corpus, hurt in places and sealed again, beside databases that stand at one of their blocks. Exits 1 where they disagree: a finding in one of three, the code, docs/FORMAT.md or the reader. All that
both say is compared: what journal and ring are, the rows that wait in the ring, rot and torn tail, the
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


# ---- comparing ----

def differences(code, mine):
    keys = ["journal", "ring", "ring_rows"]
    if mine.get("journal") == "present":
        keys = mine.keys()
    return [f"{k}: the library says {str(code.get(k))[:200]}, the reader {str(mine.get(k))[:200]}"
            for k in keys if code.get(k) != mine.get(k)]


def main():
    arguments, count, seed = sys.argv[1:], 0, 0
    if arguments[0] == "--mutate":
        count, seed, arguments = int(arguments[1]), int(arguments[2]), arguments[3:]
    paths = list(containers(arguments[1:]))
    if not paths:
        sys.exit("no container found: the corpus is missing")
    with tempfile.TemporaryDirectory() as folder:
        paths += mutants(paths, count, seed, folder)
        sys.exit(1 if compare(arguments[0], paths) else 0)


def compare(say, paths):
    bad = 0
    counts = dict.fromkeys(("streams", "rows", "damaged", "torn", "positions", "waiting"), 0)
    for i in range(0, len(paths), 200):
        batch = paths[i:i + 200]
        lines = subprocess.run([say] + batch, stdout=subprocess.PIPE, check=True).stdout.splitlines()
        for path, line in zip(batch, lines, strict=True):
            mine = reader.read(path)
            present = mine.get("journal") == "present"
            counts["streams"] += present
            counts["rows"] += len(mine["rows"]) if present else 0
            counts["damaged"] += present and bool(mine["damages"])
            counts["torn"] += present and mine["torn"]
            counts["positions"] += present and mine["position"] not in ("none", "other")
            counts["waiting"] += bool(mine.get("ring_rows"))
            for difference in differences(json.loads(line), mine):
                print(f"{path}: {difference}")
                bad += 1
    print(f"{len(paths)} inputs, {bad} differences; compared in full: {counts['streams']} streams "
          f"({counts['rows']} rows; {counts['damaged']} streams damaged, {counts['torn']} torn, "
          f"{counts['positions']} with a position), {counts['waiting']} rings with rows")
    return bad


if __name__ == "__main__":
    main()
