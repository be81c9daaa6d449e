#!/usr/bin/env python3
"""man.py: the manual pages of the library, made from the comments of its headers.

usage: scripts/man.py OUT [TREE]

OUT/man3 gets weir.3, from the comment at the head of weir.h, and a page for each group of
declarations: what stands below one "/* ---- group ---- */" line of a header, or above the first. Each
name of a group that is not the page's own is a page that refers to it (.so). Names that end in _ are
the headers' own affair. The version is that of weir.h, the date that of docs/weir.7.
"""
import glob
import os
import re
import sys

# Of groups whose first declaration gives no good name: (header, group) to name and description.
NAMED = {("weir", ""): ("weir_value", "statuses, levels, types and values"),
         ("weir", "opening"): ("weir_options", "options of an opening, and events"),
         ("weir", "words"): ("weir_last_error", "what a status or an error says in words"),
         ("read", ""): ("weir_read", "read the durable rows of a journal, as they come"),
         ("sqlite", ""): ("weir_open_sqlite", "open a weir in front of an SQLite database file"),
         ("log", ""): ("weir_log", "log messages that survive the crash they explain"),
         ("log", "a handle's log"): ("weir_log_configure", "a handle's log, and its flight recorder")}

GROUP = re.compile(r"/\* -{4} (.+?) -+ \*/$")
HEAD = re.compile(r"[A-Z][A-Z' ]+$")


class Item:
    """A comment and the declarations below it, up to an empty line or the next comment."""

    def __init__(self, comment=""):
        self.comment, self.chunks = comment, []

    def names(self):
        return [name for chunk in self.chunks for name in [name_of(chunk)] if name]


def name_of(chunk):
    """What a declaration declares; None if that is not for users."""
    text = re.sub(r"/\*.*?\*/", "", chunk, flags=re.S)
    text = re.sub(r"__attribute__\(\(.*?\)\)+", "", text)
    if found := re.match(r"#define (\w+)", text):
        name = found.group(1)
    elif found := re.match(r"typedef[^{;]*?(\w+)\([^{]*\);$", text) or re.match(r"(?:struct|enum|union) (\w+) \{", text):
        name = found.group(1)
    elif text.startswith("typedef"):
        name = re.search(r"(\w+);$", text.strip()).group(1)
    else:
        found = re.search(r"(\w+)\(", text) or re.search(r"(\w+)(?: = .*)?;", text)
        name = found.group(1) if found else "_"
    private = name.endswith("_") or name.endswith("_H") or name == "WEIR_API"
    return None if private or not (name + "_").lower().startswith("weir_") else name


def is_call(chunk):
    return bool(re.match(r"#define weir_\w+\(", chunk)) or (
        "(" in chunk and not re.match(r"#|typedef|struct|enum|union|extern", chunk))


def chunk_end(text, start):
    """Where a declaration ends, which begins at start: after its ; or the } of a function."""
    depth = 0
    for found in re.compile(r"/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[{}();]", re.S).finditer(text, start):
        mark = found.group()
        depth += mark in "({"
        depth -= mark in ")}"
        function = mark == "}" and depth == 0 and text.startswith(("static inline", "static"), start)
        if depth == 0 and (mark == ";" or function):
            end = found.end()
            trailing = re.match(r"[ \t]*/\*.*?\*/", text[end:], re.S)
            return end + (trailing.end() if trailing else 0)
    return len(text)


def parse(path):
    """The comment at a header's head, and its groups: lists of (title, items)."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    end = text.index("*/") + 2
    head, groups, item, at = text[:end], [("", [])], Item(), end
    while at < len(text):
        line = text[at:text.find("\n", at) if "\n" in text[at:] else len(text)]
        if not line.strip():
            if item.chunks:
                item = Item()
            at += len(line) + 1
        elif found := GROUP.match(line):
            groups.append((found.group(1), []))
            item = Item()
            at += len(line) + 1
        elif line.startswith("/*"):
            end = text.index("*/", at) + 2
            item = Item(text[at:end])
            groups[-1][1].append(item)
            at = end + 1
        elif line.startswith("#"):
            end = at
            while text[end:text.find("\n", end)].endswith("\\"):
                end = text.find("\n", end) + 1
            end = text.find("\n", end) if "\n" in text[end:] else len(text)
            if line.startswith("#define"):
                add(groups, item, text[at:end])
            at = end + 1
        elif line.startswith(("extern \"C\"", "}")):
            at += len(line) + 1
        else:
            end = chunk_end(text, at)
            add(groups, item, text[at:end])
            at = end + 1
    return head, groups


def add(groups, item, chunk):
    if item not in groups[-1][1]:
        groups[-1][1].append(item)
    item.chunks.append(chunk)


def roff(text):
    """Plain text as roff wants it."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    text = "".join(c if ord(c) < 128 else f"\\[u{ord(c):04X}]" for c in text)
    return re.sub(r"^\.", r"\\&.", text, flags=re.M)


def prose(text):
    return re.sub(r"\b(weir_\w+)\(\)", r"\\fB\1\\fR()", roff(text))


def verbatim(lines):
    return [".PP", ".RS 4", ".nf"] + [roff(line) or "\\&" for line in lines] + [".fi", ".RE"]


def body_of(comment):
    """A comment's text, line by line, without its stars."""
    text = re.sub(r"^/\*+ ?|\s*\*/$", "", comment)
    return [re.sub(r"^ \* ?", "", line).rstrip() for line in text.split("\n")]


def paragraphs(lines, heading):
    """Lines as roff. heading: what a line in capitals becomes."""
    out, new, mode = [], True, ""
    for i, line in enumerate(lines):
        code = line.startswith("    ") or (mode == "code" and not line and any(
            rest.startswith("    ") for rest in lines[i + 1:i + 2]))
        table = not code and line.startswith("  ") and mode not in ("list",)
        kind = "code" if code or table else "text"
        if kind == "code" and mode != "code":
            if out and not out[-1].startswith((".SS", ".SH")):
                out.append(".PP")
            out += [".RS 4", ".nf"]
        elif kind != "code" and mode == "code":
            out += [".fi", ".RE"]
            new = True
        if kind == "code":
            out.append(roff(line) or "\\&")
            mode = "code"
        elif not line:
            new, mode = True, ""
        elif (found := HEAD.match(line)) or (found := re.match(r"([A-Z][A-Z ]{5,}): ", line)):
            title = found.group(1) if found.re is not HEAD else line
            out.append(f"{heading} {roff(title.capitalize())}")
            rest = line[len(title) + 2:]
            if rest:
                out += [prose(rest[0].upper() + rest[1:]) + "."]
            new, mode = True, ""
        elif line.startswith("- "):
            out += [".IP \\(bu 2", prose(line[2:])]
            new, mode = False, "list"
        else:
            headed = not out or out[-1].startswith((".SS", ".SH"))
            if new and not headed:
                out.append(".PP")
            out.append(prose(line.strip() if mode == "list" else line))
            new, mode = False, mode or "text"
    return out + ([".fi", ".RE"] if mode == "code" else [])


def prototype(chunk):
    """A declaration as the synopsis shows it."""
    comment = re.search(r";\s*(/\*.*?\*/)$", chunk, re.S)
    if found := re.match(r"#define (weir_\w+\([^)]*\))", chunk):
        return [found.group(1)]
    text = re.sub(r"^#.*\n?", "", chunk, flags=re.M)
    for word in ("WEIR_API ", "static inline "):
        if text.startswith(word):
            text = text[len(word):].replace("\n" + " " * len(word), "\n")
    text = re.sub(r"\s*__attribute__\(\(.*?\)\)+", "", text, flags=re.S)
    text = text[:text.index("{")] if "{" in text else text[:text.rindex(";")] if ";" in text else text
    return (text.strip() + ";" + (" " + comment.group(1) if comment else "")).split("\n")


def shown(chunk):
    lines = [re.sub(r"\s*\\$", "", line) for line in chunk.replace("WEIR_API ", "").split("\n")]
    return lines


def first_sentence(items):
    for item in items:
        if item.comment and any(is_call(chunk) for chunk in item.chunks):
            text = " ".join(body_of(item.comment))
            text = re.split(r"[.:;]( |$)", text)[0]
            return text[0].lower() + text[1:]
    return ""


def page_name(stem, title, items):
    names = [name for item in items for name in item.names() if name.islower()]
    named, description = NAMED.get((stem, title), ("", ""))
    calls = [name for item in items for chunk in item.chunks if is_call(chunk)
             for name in [name_of(chunk)] if name] or names
    name = named if named in names else min((n for n in calls if calls[0] == n or calls[0].startswith(n + "_")), key=len)
    return name, description or first_sentence(items) or title, list(dict.fromkeys([name] + names))


def page(stem, head, title, items, about):
    """Name, other names, and text of a group's page."""
    name, description, names = page_name(stem, title, items)
    out = [about(name), ".SH NAME", ", ".join(names) + " \\- " + roff(description), ".SH SYNOPSIS", ".nf",
           f"#include <weir/{stem}.h>"]
    for item in items:
        calls = [chunk for chunk in item.chunks if name_of(chunk) and is_call(chunk)]
        for chunk in calls:
            out += ([".PP"] if chunk is calls[0] else []) + [roff(line) for line in prototype(chunk)]
    out += [".fi", ".SH DESCRIPTION"]
    if head:
        lines = body_of(head)
        lines[0] = re.sub(r"^.*? - ", "", lines[0])
        lines[0] = lines[0][0].upper() + lines[0][1:]
        out += paragraphs(lines, ".SS")
    for item in items:
        types = [chunk for chunk in item.chunks if name_of(chunk) and not is_call(chunk)]
        if not item.comment and not types:
            continue
        words = ["\\fB" + n + "\\fR" + ("()" if n in [name_of(c) for c in item.chunks if is_call(c)] else "")
                 for n in item.names()]
        if item.chunks and not item.names():
            continue
        out += [".SS " + '"' + ", ".join(words) + '"'] if words else []
        out += paragraphs(body_of(item.comment), ".SS") if item.comment else []
        for chunk in types:
            out += verbatim(shown(chunk))[out[-1].startswith(".SS"):]
    return name, names[1:], out


def main():
    out = os.path.join(sys.argv[1], "man3")
    tree = sys.argv[2] if len(sys.argv) > 2 else "."
    with open(f"{tree}/include/weir/weir.h", encoding="utf-8") as file:
        parts = dict(re.findall(r"#define WEIR_VERSION_(\w+) (\d+)", file.read()))
    with open(f"{tree}/docs/weir.7", encoding="utf-8") as file:
        date = re.search(r"^\.Dd (.*)", file.read(), re.M).group(1)
    version = "weir {MAJOR}.{MINOR}.{PATCH}".format(**parts)

    def about(name):
        return f'.TH {name} 3 "{date}" "{version}" "Library Functions Manual"'

    pages, aliases = {}, {}
    headers = sorted(glob.glob(f"{tree}/include/weir/*.h"), key=lambda path: (not path.endswith("/weir.h"), path))
    front = []
    for path in headers:
        stem = os.path.splitext(os.path.basename(path))[0]
        head, groups = parse(path)
        if stem == "weir":
            front, head = body_of(head), ""
        for title, items in groups:
            if not any(item.names() for item in items) or not any(
                    is_call(chunk) or not chunk.startswith("#") for item in items for chunk in item.chunks
                    if name_of(chunk)):
                continue
            name, others, text = page(stem, head, title, items, about)
            head = ""
            if name in pages:
                sys.exit(f"man.py: two groups are called {name}")
            pages[name] = text
            aliases.update({other: name for other in others if other not in aliases})
    description = front[0].split(" - ", 1)[1].rstrip(".")
    pages["weir"] = [about("weir"), ".SH NAME", "weir \\- " + roff(description), ".SH SYNOPSIS", ".nf",
                     "#include <weir/sqlite.h>", ".PP", "cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs weir)",
                     ".fi"] + paragraphs(front[1:], ".SH")
    written = set(pages)
    for name, text in pages.items():
        others = [f"\\fB{other}\\fR(3)" for other in sorted(written - {name})]
        text += [".SH SEE ALSO"] + [other + "," for other in others] + [
            "\\fBweir\\fR(7),", "\\fBweir\\-log\\fR(1),", "\\fBweir\\-recover\\fR(1)"]
    os.makedirs(out, exist_ok=True)
    for old in glob.glob(f"{out}/*.3"):
        os.remove(old)
    for alias, name in aliases.items():
        if alias not in pages:
            pages[alias] = [f".so man3/{name}.3"]
    for name, text in pages.items():
        with open(f"{out}/{name}.3", "w", encoding="ascii") as file:
            file.write("\n".join(text) + "\n")


main()
