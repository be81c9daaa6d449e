#!/usr/bin/env python3
"""covers.py [-write]: which test program covers which module. Run in the root of the tree.

A module is a source file of lib, writer or recovery, or a header there that has code and no source file.
It is covered by the program that is named after it, test_NAME.c, and by every program that says so in its
source: "Covers: lib/handle/gate.c, lib/handle/wait.c" in a comment.

A program must reach what it covers: it, or what it shares with others in tests/support, names a function of
the module, or of a module that names one; at most NAMED modules lie between where it has the name, SAYS
where it says so. Or it starts the tool, and the module is the tool's. docs/TESTS.md is what
this writes (-write); without an argument it says what is wrong, and whether that file is out of date.
"""
import glob
import os
import re
import sys

NAMED, SAYS = 3, 2
TABLE = "docs/TESTS.md"
HEAD = """# Which test covers which module

Written by `scripts/covers.py -write`; `./dev check` fails when it is out of date, when a module has
no program, and when a program does not reach what it says it covers. A program covers the module
that it is named after, and those that its source names after `Covers:`. What must not be lost
is in [COVERAGE.md](COVERAGE.md), what the system tests do in [RELIABILITY.md](RELIABILITY.md).

| module | programs |
|---|---|
"""

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
FUNCTION = re.compile(r"^(static )?(?!else|return|typedef)[a-z_][\w *]*?[ *]([a-z_]\w*)\((?:[^;{}()]|\([^;{}()]*\))*\)"
                      r"(?:\s*__attribute__\(\(.*?\)\))?\s*\{", re.M)
COVERS = re.compile(r"Covers:((?:[\s*,]|(?:lib|writer|recovery)/[\w/.]+)+)")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


class Module:
    def __init__(self, path):
        header = os.path.splitext(path)[0] + ".h"
        self.text = "".join(STRING.sub('""', COMMENT.sub("", read(p))) for p in {path, header} if os.path.exists(p))
        self.words = set(re.findall(r"\w+", self.text))
        inline = path.endswith(".h")
        self.functions = {name for static, name in FUNCTION.findall(self.text)
                          if inline or not static or name.startswith("weir_")}
        self.functions.discard("main")
        self.functions |= {name for name in re.findall(r"static inline [\w *]*?[ *](\w+)\(", self.text)}


def modules():
    found = {}
    for path in sorted(glob.glob("lib/*/*") + glob.glob("writer/*/*") + glob.glob("recovery/*")):
        code = path.endswith(".c") or path.endswith(".h") and not os.path.exists(path[:-1] + "c")
        if code and Module(path).functions:
            found[path] = Module(path)
    return found


def distances(words, found):
    """How many modules lie between what names these words and each module."""
    reached, level, step = {}, {p for p, m in found.items() if m.functions & words}, 0
    while level:
        reached.update({path: step for path in level})
        named = set().union(*(found[path].words for path in level))
        level = {p for p, m in found.items() if p not in reached and m.functions & named}
        step += 1
    return reached


def lives_with(path, module):
    """A unit test is named after a module of the folder that its own folder is named after."""
    folder = re.match(r"tests/unit/(\w+)/", path)
    return not folder or f"{folder.group(1)}/" in module


def words_of(path, seen=None):
    """What a program names, with what it shares with others."""
    seen = {path} if seen is None else seen
    text = COMMENT.sub("", read(path))
    words = set(re.findall(r"\w+", text))
    for header in re.findall(r'#include "([\w/]+)\.h"', text):
        for shared in (f"tests/support/{header}.h", f"tests/support/{header}.c"):
            if os.path.exists(shared) and shared not in seen:
                seen.add(shared)
                words |= words_of(shared, seen)
    return words


def main():
    found, wrong, covered = modules(), [], {}
    for path in sorted(glob.glob("tests/unit/*/test_*.c") + glob.glob("tests/system/test_*.c") +
                       glob.glob("tests/sim/test_*.c")):
        text = read(path)
        program = stem(path)
        claims = {claim for group in COVERS.findall(text) for claim in re.findall(r"[\w/.]+", group)}
        wrong += [f"{path}: covers {claim}, which is no module" for claim in sorted(claims - set(found))]
        names = {module for module in found if stem(module) == program[5:] and lives_with(path, module)}
        reach = distances(words_of(path), found)
        tool = "WEIR_RECOVER" in text or '"tool.h"' in text
        for module in sorted((claims | names) & set(found)):
            steps = NAMED if module in names else SAYS
            if reach.get(module, steps + 1) > steps and not (tool and module.startswith("recovery/")):
                wrong.append(f"{path}: covers {module}, and does not reach it")
            covered.setdefault(module, []).append(program)
    wrong += [f"{module}: no test program covers it" for module in found if module not in covered]
    table = HEAD + "".join(f"| `{m}` | {', '.join(f'`{p}`' for p in sorted(covered.get(m, [])))} |\n" for m in found)
    if sys.argv[1:] == ["-write"]:
        with open(TABLE, "w", encoding="utf-8") as file:
            file.write(table)
    elif not os.path.exists(TABLE) or read(TABLE) != table:
        wrong.append(f"{TABLE}: out of date; scripts/covers.py -write makes it anew")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
