#!/usr/bin/env python3
"""amalgamate.py: the library as one weir.c and one weir.h. See `./dev amalgamate`.

usage: scripts/amalgamate.py OUT [SQLITE3.C]

weir.h is all public headers. weir.c is every source file of lib and writer, each header in front of
the first that includes it. In one file names meet that were apart: a name that a source file defines
for itself, and that another file defines too, gets the file's name at its end; the macros of a source
file end with it. What two headers define is refused. With SQLITE3.C, that is the end of weir.c, and
the sqlite3.h beside it goes to OUT too.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

LOCAL = re.compile(r'[ \t]*#[ \t]*include "([^"]+)".*')
ANGLE = re.compile(r"[ \t]*#[ \t]*include <([^>]+)>.*")
TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|\w+|\.\.\.|->|.|\n", re.S)
DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.M)
UNDEF = re.compile(r"^[ \t]*#[ \t]*undef[ \t]+(\w+)", re.M)

HEAD = """/* weir.c - weir {version} as one file: {what}.
 * Written by `./dev amalgamate` from the sources of weir; not by hand. MIT licence, see its LICENSE.
 *
 *     cc -O2 program.c weir.c {libraries}
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function" /* of the headers' inline functions */
#endif
"""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def die(text):
    sys.exit(f"amalgamate: {text}")


def plain(text):
    """The text without comments, strings and preprocessor lines."""
    text = "".join(" " if m.startswith(("/*", "//")) else '""' if m.startswith('"') else "0" if m.startswith("'")
                   else m for m in TOKEN.findall(text))
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)


def top_level(text):
    """Declarations and definitions at the top level: (what stands outside of braces, the first braces' content)."""
    head, body, depth, had_body = "", "", 0, False
    for mark in re.findall(r"[{};]|[^{};]+", text):
        if mark == "{":
            depth += 1
            had_body = had_body or depth == 1
            head += "{}" if depth == 1 else ""
        elif mark == "}":
            depth -= 1
            if depth == 0 and re.search(r"\)\s*(?:__attribute__\s*\(\(.*\)\)\s*)?\{\}$", head.strip(), re.S):
                yield head, body
                head, body, had_body = "", "", False
        elif mark == ";" and depth == 0:
            yield head, body
            head, body, had_body = "", "", False
        elif depth == 0:
            head += mark
        else:
            body += mark + " "


def defined(text):
    """Names that a file defines: of functions, of static objects, of types, of enumerators."""
    names = set()
    for head, body in top_level(plain(text)):
        head = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)|_Static_assert.*|static_assert.*|\b(?:alignas|_Alignas)\s*\([^()]*\)",
                      "", head, flags=re.S).strip()
        if not head:
            continue
        if found := re.search(r"\b(struct|union|enum)\s+(\w+)\s*\{\}", head):
            names.add(found.group(2))
        if re.search(r"\benum\b[^{]*\{\}", head):
            names |= set(re.findall(r"(?:^|,)\s*([A-Za-z_]\w*)", body))
        if head.startswith("typedef"):
            if not re.match(r"typedef (?:struct|union|enum) (\w+) \1$", head): # that may be said twice
                found = re.search(r"\(\s*\*\s*(\w+)\s*\)|(\w+)\s*\([^()]*\)$|(\w+)(?:\[[^\]]*\])*$", head)
                names |= {name for name in found.groups() if name} if found else set()
        elif found := re.match(r"[^={}]*?\b(\w+)\s*\((?:[^()]|\([^()]*\))*\)\s*\{\}$", head, re.S):
            names.add(found.group(1))
        elif re.match(r"(?:\w+\s+)*?static\b", head):
            head = re.sub(r"=(?:[^,()]|\((?:[^()]|\([^()]*\))*\))*", "", head.replace("{}", ""))
            for part in re.split(r",(?![^\[(]*[\])])", head):
                found = re.search(r"\(\s*\*\s*(\w+)|(\w+)\s*\([^()]*\)\s*$|(\w+)\s*(?:\[[^\]]*\]\s*)*$", part.strip())
                names |= {name for name in found.groups() if name} if found else set()
    return names


def renamed(text, names, suffix):
    """The text with these names changed, but for members of structs: those may be of a header."""
    tokens = TOKEN.findall(text)
    solid = [at for at, token in enumerate(tokens)
             if not token.isspace() and not token.startswith(("/*", "//"))]
    bodies, opened = [], False  # of each open brace, whether members stand in it
    for place, at in enumerate(solid):
        token, before = tokens[at], tokens[solid[place - 1]]
        after = tokens[solid[(place + 1) % len(solid)]]
        if token in ("struct", "union"):
            opened = True
        elif token == "{":
            bodies.append(opened)
            opened = False
        elif token == "}":
            bodies and bodies.pop()
        elif token in (";", "=", "(", ")", ",", "*"):
            opened = False
        is_member = before in (".", "->") or (
            bodies and bodies[-1] and before not in ("[", ":", "struct", "union", "enum") and
            after in (";", ",", "[", ":", ")")) or (
            before == "," and "offsetof" in (tokens[solid[place - 4]], tokens[solid[place - 5]]))
        if token in names and not is_member:
            tokens[at] += "_" + suffix
    return "".join(tokens)


class Tree:
    def __init__(self):
        listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "lib", "writer"],
                                check=False, capture_output=True, text=True).stdout.split()
        paths = listed or glob.glob("lib/**/*", recursive=True) + glob.glob("writer/**/*", recursive=True)
        self.text = {path: read(path) for path in sorted(paths) if path.endswith((".c", ".h")) and os.path.exists(path)}
        self.where = {}
        for path, text in self.text.items():
            for name in defined(text):
                self.where.setdefault(name, []).append(path)
        for name, paths in self.where.items():
            if sum(path.endswith(".h") for path in paths) > 1:
                die(f"{name} is defined in {', '.join(paths)}")
        self.done, self.changed = set(), 0

    def pull(self, path, out):
        """What path includes, each header once, in front; returns the rest of its text."""
        rest, conditions = [], 0
        guard = re.search(r"#ifndef (\w+)\n#define \1\n", self.text[path]) if path.endswith(".h") else None
        for line in self.text[path].split("\n"):
            if re.match(r"\s*#\s*if", line):
                conditions += 1
            elif re.match(r"\s*#\s*endif", line):
                conditions -= 1
            inside = conditions > bool(guard)
            if found := LOCAL.match(line):
                target = os.path.normpath(os.path.join(os.path.dirname(path), found.group(1)))
                if target not in self.text:
                    die(f"{path} includes {target}, which is not there")
                if inside:
                    die(f"{path} includes {target} in a condition")
                self.header(target, out)
            elif (found := ANGLE.match(line)) and not inside:
                if not found.group(1).startswith("weir/"):
                    out.append(line)
            elif re.match(r"\s*#\s*define \w+$", line) and path.endswith(".h") and guard and guard.group(1) not in line:
                out.append(line)  # as XXH_INLINE_ALL, it may be for the header that is included next
            else:
                rest.append(line)
        return "\n".join(rest)

    def header(self, path, out):
        if path in self.done:
            return
        self.done.add(path)
        rest = self.pull(path, out)
        out.append(f"/* ---- {path} ---- */\n{rest}")

    def source(self, path, out):
        rest = self.pull(path, out)
        here = {name for name, paths in self.where.items() if path in paths and len(paths) > 1}
        for name in here & set(DEFINE.findall(rest)):
            die(f"{path}: {name} is a macro and a name")
        self.changed += len(here)
        macros = [name for name in dict.fromkeys(DEFINE.findall(rest)) if name not in UNDEF.findall(rest)]
        stem = os.path.splitext(os.path.basename(path))[0]
        out.append(f"/* ---- {path} ---- */\n{renamed(rest, here, stem)}" +
                   "".join(f"\n#undef {name}" for name in macros))


def public(name, done):
    """A public header with those that it includes, each once."""
    path = f"include/{name}"
    if name in done:
        return ""
    done.add(name)
    return re.sub(r"^#include <(weir/[^>]+)>\n", lambda m: public(m.group(1), done), read(path), flags=re.M)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    out, sqlite = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else None
    parts = dict(re.findall(r"#define WEIR_VERSION_(\w+) (\d+)", read("include/weir/weir.h")))
    headers = ["weir/weir.h"] + sorted(path[len("include/"):] for path in glob.glob("include/weir/*.h"))
    os.makedirs(out, exist_ok=True)
    done = set()
    with open(f"{out}/weir.h", "w", encoding="utf-8") as file:
        file.write("".join(public(name, done) for name in headers))
    for path in glob.glob("include/weir/*.hpp"):
        with open(f"{out}/{os.path.basename(path)}", "w", encoding="utf-8") as file:
            file.write(re.sub(r"^#include <weir/\w+\.h>", '#include "weir.h"', read(path), flags=re.M))

    tree, text = Tree(), []
    for path in tree.text:
        if path.endswith(".c"):
            tree.source(path, text)
    weir = "\n".join(text)
    what, libraries = "SQLite not included", "-lsqlite3 -lzstd -lxxhash -lpthread -ldl -lm"
    if sqlite:
        beside = os.path.join(os.path.dirname(sqlite), "sqlite3.h")
        if not os.path.exists(beside):
            die(f"there is no {beside}")
        shutil.copyfile(beside, f"{out}/sqlite3.h")
        number = re.search(r'#define SQLITE_VERSION\s+"([^"]+)"', read(beside)).group(1)
        weir = weir.replace("#include <sqlite3.h>", '#include "sqlite3.h"')
        # In sqlite3.c it is a part of its copy of sqlite3.h, which was included before.
        version = "const char sqlite3_version[] = SQLITE_VERSION;"
        weir += f"\n/* ---- sqlite3.c ---- */\n{version}\n{read(sqlite)}"
        what, libraries = f"with SQLite {number}", "-lzstd -lxxhash -lpthread -ldl -lm"
    with open(f"{out}/weir.c", "w", encoding="utf-8") as file:
        file.write(HEAD.format(version="{MAJOR}.{MINOR}.{PATCH}".format(**parts), what=what, libraries=libraries))
        file.write('#include "weir.h"\n' + weir + "\n")
    print(f"amalgamate: {out}/weir.c has {len(tree.text)} files, {what}; {tree.changed} names changed", file=sys.stderr)


main()
