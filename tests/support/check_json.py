"""Compare objects of the tool with the schema: check_json.py SOURCE KEPT [FOLDER-LEFT-OUT …].

Each line of the file KEPT is of one of the definitions with its type. Each type that the source writes has a
definition, and is among the lines, unless it is written in a folder that is left out."""
import json
import pathlib
import re
import sys

import jsonschema

source, kept, left_out = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
schema = json.loads((source / "docs/json/weir.schema.json").read_text())
complaints = []

# A type that is no literal where the object begins is one where the function is called.
CALLED = {
    ("recovery/dump.c", "type"): [r'tell_rows\(d, "([a-z_]+)"', r'\[WEIR_READ_[A-Z]+\] = "([a-z_]+)"'],
    ("recovery/set_aside.c", "type"): [r'say_file\([^;"]*"([a-z_]+)"'],
    ("recovery/apply.c", "type"): [r'weir_report_applied\([^;"]*"([a-z_]+)"'],
}


def types_of_source():
    files = {path: path.read_text() for path in sorted((source / "recovery").rglob("*.c"))}
    everything, found = "\n".join(files.values()), {}
    for path, text in files.items():
        name = str(path.relative_to(source))
        for call in re.findall(r"weir_json_begin\(\s*\w+,\s*([^;]*?)\);", text):
            types = re.findall(r'"([a-z_]+)"', call)
            for pattern in CALLED.get((name, call.strip()), []):
                types += re.findall(pattern, everything if name.endswith("apply.c") else text)
            if not types and name != "recovery/json.c":
                complaints.append(f"{name}: which types are weir_json_begin(…, {call})?")
            found.update((t, name) for t in types)
    return found


def definitions():
    by_type = {}
    for reference in schema["anyOf"]:
        name = reference["$ref"].rpartition("/")[2]
        definition = schema["definitions"][name]
        if definition["additionalProperties"] is not False:
            complaints.append(f"{name} allows additional members")
        one = dict(definition, definitions=schema["definitions"])
        by_type.setdefault(definition["properties"]["type"]["const"], []).append(
            jsonschema.Draft7Validator(one))
    return by_type


def once(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        complaints.append(f"a member comes twice: {pairs}")
    return dict(pairs)


jsonschema.Draft7Validator.check_schema(schema)
known, written, seen = definitions(), types_of_source(), {}
for line in open(kept, encoding="utf-8"):
    try:
        value = json.loads(line, object_pairs_hook=once)
    except ValueError as error:
        complaints.append(f"no JSON ({error}): {line}")
        continue
    kind = value.get("type")
    seen[kind] = seen.get(kind, 0) + 1
    if kind not in known:
        complaints.append(f"the schema lacks {line}")
        continue
    errors = [[e.message for e in v.iter_errors(value)] for v in known[kind]]
    if all(errors):
        complaints.append(f"{line}  {errors}")
complaints += [f"{where} writes {kind}, which the schema lacks"
               for kind, where in written.items() if kind not in known]
complaints += [f"the schema has {kind}, which nothing writes" for kind in known if kind not in written]
complaints += [f"no object was written of the type {kind} ({where})" for kind, where in written.items()
               if kind not in seen and not where.startswith(tuple(left_out))]
for complaint in dict.fromkeys(complaints):
    print(complaint)
print(f"{sum(seen.values())} objects of {len(seen)} types")
sys.exit(bool(complaints))
