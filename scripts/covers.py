#!/usr/bin/env python3
"""covers.py [-write]: which test program covers which module. Run in the root of the tree.

A module is a source file of lib, writer or recovery, or a header there that has code and no source file.
It is covered by the program that is named after it, test_NAME.c, and by every program that says so in its
source: "Covers: lib/handle/gate.c, lib/handle/wait.c" in a comment.

A program must reach what it covers: it, or what it shares with others in tests/support, names a function of
the module, or of a module that names one; at most NAMED modules lie between where it has the name, SAYS
where it says so. Or it starts the tool, and the module is the tool's. docs/TESTS.md is what
this writes (-write); without an argument it says what is wrong, and whether that file is out of date.

-run BUILD: run each program of a build that counts (preset coverage), with counters of its own, and say of
which module it ran less than LEAST % of the lines. What runs in a process that dies by a signal writes
no counters: a program whose source has "Counters die with its children" is not asked.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

NAMED, SAYS = 3, 2
LEAST = 40
DIES = "Counters die with its children"
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
COVERS = re.compile(r"Covers:((?:[\s*,]|(?:lib|writer|pack|recovery|postgres)/[\w/.]+)+)")


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
    for path in sorted(glob.glob("lib/*/*") + glob.glob("writer/*/*") + glob.glob("pack/*") + glob.glob("recovery/*") +
                       glob.glob("recovery/*/*") + glob.glob("postgres/*")):
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
    """A unit test is named after a module of the folder that its own folder is named after; other tests know
    postgres/ only from tests/postgres."""
    folder = re.match(r"tests/unit/(\w+)/|tests/(postgres)/", path)
    if folder:
        return f"{folder.group(1) or folder.group(2)}/" in module
    return not module.startswith("postgres/")


def words_of(path, seen=None):
    """What a program names, with what it shares with others."""
    seen = {path} if seen is None else seen
    text = COMMENT.sub("", read(path))
    words = set(re.findall(r"\w+", text))
    words |= {word + "_sized" for word in words}  # what inline functions of the public headers call
    for header in re.findall(r'#include "([\w/]+)\.h"', text):
        for shared in (f"tests/{folder}/{header}.{kind}" for folder in ("support", "postgres") for kind in "hc"):
            if os.path.exists(shared) and shared not in seen:
                seen.add(shared)
                words |= words_of(shared, seen)
    return words


def share_run(counters, build, module):
    """Of the module's lines, how many % ran; in the tool or in a library, whichever is more."""
    folder, rest = module.split("/", 1)
    most = 0
    for notes in glob.glob(f"{build}/{folder}/CMakeFiles/*.dir/{rest}.gcno"):
        count = counters + notes[:-4] + "gcda"
        if not os.path.exists(count):
            continue
        shutil.copy(notes, os.path.dirname(count))
        report = subprocess.run(["gcov", "--json-format", "--stdout", count], cwd=counters, check=True,
                                capture_output=True, text=True).stdout
        lines = [line["count"] > 0 for document in report.splitlines() for file in json.loads(document)["files"]
                 if file["file"].endswith(module) for line in file["lines"]]
        most = max(most, 100 * sum(lines) // max(1, len(lines)))
    return most


def run(build, covered):
    """Headers are left out: their code is counted wherever it is compiled in."""
    build, wrong = os.path.abspath(build), []
    environment = dict(os.environ, WEIR_RECOVER=f"{build}/recovery/weir-recover", WEIR_BINARY_DIR=build,
                       WEIR_SOURCE_DIR=os.getcwd(), WEIR_SANITIZE="", GCOV_PREFIX_STRIP="0")
    os.umask(0)  # the tool may run as nobody
    dying = {stem(path) for path in glob.glob("tests/**/test_*.c", recursive=True) if DIES in read(path)}
    for program in sorted({program for programs in covered.values() for program in programs} - dying):
        with tempfile.TemporaryDirectory() as counters:
            os.chmod(counters, 0o777)
            subprocess.run([f"{build}/tests/{program}"], env=dict(environment, GCOV_PREFIX=counters),
                           check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for module in sorted(m for m in covered if m.endswith(".c") and program in covered[m]):
                share = share_run(counters, build, module)
                if share < LEAST:
                    wrong.append(f"{program}: covers {module}, and runs {share} % of its lines")
    return wrong


def main():
    found, wrong, covered = modules(), [], {}
    for path in sorted(glob.glob("tests/unit/*/test_*.c") + glob.glob("tests/system/test_*.c") +
                       glob.glob("tests/sim/test_*.c") + glob.glob("tests/postgres/test_*.c")):
        text = read(path)
        program = stem(path).replace("test_", "test_postgres_") if path.startswith("tests/postgres/") else stem(path)
        claims = {claim for group in COVERS.findall(text) for claim in re.findall(r"[\w/.]+", group)}
        wrong += [f"{path}: covers {claim}, which is no module" for claim in sorted(claims - set(found))]
        names = {module for module in found if stem(module) == stem(path)[5:] and lives_with(path, module)}
        reach = distances(words_of(path), found)
        tool = "WEIR_RECOVER" in text or re.search(r'"tool(_says)?\.h"', text)
        for module in sorted((claims | names) & set(found)):
            steps = NAMED if module in names else SAYS
            if reach.get(module, steps + 1) > steps and not (tool and module.startswith(("recovery/", "postgres/"))):
                wrong.append(f"{path}: covers {module}, and does not reach it")
            covered.setdefault(module, []).append(program)
    wrong += [f"{module}: no test program covers it" for module in found if module not in covered]
    table = HEAD + "".join(f"| `{m}` | {', '.join(f'`{p}`' for p in sorted(covered.get(m, [])))} |\n" for m in found)
    if sys.argv[1:] == ["-write"]:
        with open(TABLE, "w", encoding="utf-8") as file:
            file.write(table)
    elif sys.argv[1:2] == ["-run"]:
        wrong += run(sys.argv[2], covered)
    elif not os.path.exists(TABLE) or read(TABLE) != table:
        wrong.append(f"{TABLE}: out of date; scripts/covers.py -write makes it anew")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
