#!/usr/bin/env python3
"""lines.py: are the documents' lines short enough? Run in the root of the tree; prints what is not, exit 1.

usage: scripts/lines.py [FILE ...]; without files: README.md, CHANGELOG.md, CONTRIBUTING.md,
examples/README.md, docs/*.md, docs/coming-from/*.md.

A line may have LIMIT characters. Left out are table rows, code blocks, and the target of a link, which
cannot be broken.
"""
import glob
import re
import sys

LIMIT = 100
FILES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md"]

TARGET = re.compile(r"\]\([^)]*\)|<?https?://\S+")


def long_lines(path):
    fence = None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            mark = line.lstrip()[:3]
            if mark in ("```", "~~~") and fence in (None, mark):
                fence = None if fence else mark
            elif fence is None and not line.startswith(("|", "    ")):
                length = len(TARGET.sub("]()", line))
                if length > LIMIT:
                    yield f"{path}:{number}: {length} characters, and no line may have more than {LIMIT}"


def main():
    paths = sys.argv[1:] or FILES + sorted(glob.glob("docs/*.md") + glob.glob("docs/coming-from/*.md"))
    findings = [finding for path in paths for finding in long_lines(path)]
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


sys.exit(main())
