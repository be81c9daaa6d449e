#!/usr/bin/env python3
"""Two readers, one answer: the library (weir-fuzz-say) and fuzz/reader.py over every container.

    differential.py SAY DIRECTORY ...

Exits 1 where they disagree: a finding in one of three, the code, docs/FORMAT.md or the reader. Where
the reader says that a journal has damage whose extent the document leaves open ("plain": false), what
both must agree on is what the journal is; everywhere else on each row and value too."""

import json
import os
import subprocess
import sys

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


def differences(code, mine):
    if not code or not mine:
        return [] if not code and not mine else ["one of them found no file"]
    keys = ["journal", "ring"]
    if mine["journal"] == "present" and not mine["plain"]:
        keys = ["ring"] if code.get("journal") == "newer" else keys  # a block behind the damage
    elif mine["journal"] == "present":
        keys += ["rot", "last_block", "rows"]
    return [f"{k}: the library says {str(code.get(k))[:200]}, the reader {str(mine.get(k))[:200]}"
            for k in keys if code.get(k) != mine.get(k)]


def main():
    say, paths = sys.argv[1], list(containers(sys.argv[2:]))
    if not paths:
        sys.exit("no container found: the corpus is missing")
    bad = whole = 0
    for i in range(0, len(paths), 200):
        batch = paths[i:i + 200]
        lines = subprocess.run([say] + batch, stdout=subprocess.PIPE, check=True).stdout.splitlines()
        for path, line in zip(batch, lines, strict=True):
            mine = reader.read(path)
            whole += bool(mine) and mine["plain"]
            for difference in differences(json.loads(line), mine):
                print(f"{path}: {difference}")
                bad += 1
    print(f"{len(paths)} inputs, {whole} of them compared row by row, {bad} differences")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
