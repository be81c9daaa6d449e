#!/bin/sh
# make.sh BUILD VERSION: pack what golden_make leaves into tests/golden/VERSION, and write down what
# shall be read from it. BUILD is a build directory. Folders that exist are never touched: files of
# a released version stay as they are for ever.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
into=$here/$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$build/tests/golden_make" "$scratch"
cp -R "$scratch/archived" "$scratch/packed"
"$build/recovery/weir" archive pack "$scratch/packed/run.db" >/dev/null
mkdir -p "$into"
for made in "$scratch"/*; do
    name=$(basename "$made")
    [ ! -e "$into/$name" ] || { echo "make.sh: $into/$name is kept as it is" >&2; continue; }
    mkdir -p "$into/$name/state"
    # The lock and the shared-memory index say nothing that outlives the process.
    rm -f "$made/run.db-weir/lock" "$made/run.db-weir/archive/lock" "$made/run.db-shm"
    (cd "$made" && find . -type f -size +0 | while read -r file; do
        mkdir -p "$into/$name/state/$(dirname "$file")"
        zstd -q -19 "$file" -o "$into/$name/state/$file.zst"
    done)
    "$build/tests/test_golden" --expect "$into/$name" >/dev/null
done
