#!/usr/bin/env python3
"""structure.py: does the source keep its order? Run in the root of the tree; says what does not, exit 1.

The order of the folders stands in FOLDERS: each may include what is listed before it, but for the
exceptions in NOT. Checked besides: no circle among files; no header that says "Private to" included from
another folder; no file of more than LINES lines; no function but main defined
twice in lib, writer, pack, recovery, logger, extension and postgres.
"""
import os
import re
import subprocess
import sys

FOLDERS = ["lib/base", "lib/format", "lib/ring", "lib/stats", "lib/packed", "lib/verify", "lib/journal", "lib/handle",
           "lib/read", "writer/apply", "writer/attach", "writer/copy", "writer/sqlite", "pack", "postgres", "recovery", "recovery/metrics",
           "recovery/archive", "recovery/backup", "recovery/rejects", "recovery/report_page", "recovery/server", "recovery/watch", "s3", "logger",
           "extension"]
NOT = {"lib/packed": ["lib/ring", "lib/stats"],
       "pack": ["lib/ring", "lib/journal", "lib/handle", "writer/apply", "writer/copy", "writer/sqlite"],
       "writer/copy": ["lib/ring", "lib/verify", "lib/journal", "lib/handle", "writer/apply"],
       "logger": ["pack", "postgres", "recovery", "recovery/archive"],
       "extension": ["writer/apply", "writer/copy", "writer/sqlite", "pack", "postgres", "recovery/archive", "logger"],
       # Its library has lib/base, lib/format and lib/verify in a copy of its own, and no more.
       "postgres": ["lib/ring", "lib/stats", "lib/journal", "lib/read", "writer/copy", "writer/sqlite", "pack"]}
LINES = 400

INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
FUNCTION = re.compile(r"^(?!else|return|typedef)[a-z_][\w *]*?[ *]([a-z_]\w*)\(([^;{}()]|\([^;{}()]*\))*\)"
                      r"(?:\s*__attribute__\(\(.*?\)\))?\s*\{", re.M)


def files():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "lib", "writer",
                             "pack", "recovery", "s3", "logger", "extension", "postgres"], check=True, capture_output=True, text=True).stdout.split()
    return {path: open(path, encoding="utf-8").read() for path in sorted(listed)
            if path.endswith((".c", ".h")) and os.path.exists(path)}


def includes(path, text):
    return [os.path.normpath(os.path.join(os.path.dirname(path), name)) for name in INCLUDE.findall(text)]


def may_include(folder, other):
    if folder == other:
        return True
    return FOLDERS.index(other) < FOLDERS.index(folder) and other not in NOT.get(folder, [])


def wrong_includes(source):
    for path, text in source.items():
        folder = os.path.dirname(path)
        if folder not in FOLDERS:
            yield f"{path}: its folder is not in the order of scripts/structure.py"
            continue
        for target in includes(path, text):
            other = os.path.dirname(target)
            if target not in source:
                yield f"{path}: includes {target}, which is not there"
            elif not may_include(folder, other):
                yield f"{path}: includes {target}, against the order of folders"
            elif folder != other and "Private to" in source[target][:2000]:
                yield f"{path}: includes {target}, which is private to {other}"


def circles(source):
    done, under_way = set(), []

    def visit(path):
        if path in under_way:
            yield "circle: " + " -> ".join(under_way[under_way.index(path):] + [path])
            return
        if path in done or path not in source:
            return
        under_way.append(path)
        for target in includes(path, source[path]):
            yield from visit(target)
        under_way.pop()
        done.add(path)

    for path in source:
        yield from visit(path)


def long_files(source):
    for path, text in source.items():
        if text.count("\n") > LINES:
            yield f"{path}: {text.count(chr(10))} lines, and no file may have more than {LINES}"


def double_names(source):
    where = {}
    for path, text in source.items():
        for match in FUNCTION.finditer(text):
            where.setdefault(match.group(1), []).append(path)
    for name, paths in sorted(where.items()):
        if len(paths) > 1 and name != "main":
            yield f"{name}(): defined in {', '.join(paths)}"


def main():
    source = files()
    checks = {"includes": wrong_includes, "circles": circles, "lines": long_files, "names": double_names}
    wanted = sys.argv[1:] or checks
    findings = [finding for name in wanted for finding in checks[name](source)]
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


sys.exit(main())
