# The demo with a PostgreSQL server of its own ends in a verdict, and leaves nothing behind. It fails
# when the file or the server lacks a row or has one twice.
set -eu
[ -z "$WEIR_SANITIZE" ] || { echo "skipped: a sanitizer's runtime must be loaded first"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

demo() { # WANTED STATUS VARIABLE=VALUE
    wanted=$1
    status=0
    env "$2" LD_PRELOAD="$WEIR_DEMO_FAULTS" "$WEIR_BINARY_DIR/demo/weir-demo" --postgres --kills 2 \
        --dir "$dir" >"$dir/out" 2>"$dir/err" || status=$?
    [ $status != 77 ] || { cat "$dir/out"; exit 77; }
    [ $status = "$wanted" ] || { cat "$dir/out" "$dir/err"; echo "$2: exit $status"; exit 1; }
}

says() { # PATTERN FILE
    grep -q "$1" "$dir/$2" || { cat "$dir/out" "$dir/err"; echo "does not say: $1"; exit 1; }
}

demo 0 WEIR_DEMO=sound
says '^weir: SQLite and PostgreSQL have the same 24,000 rows, each once, value by value\.$' out
says '^PostgreSQL  *24,000  *0  *0$' out
root=$(sed -n "s|^The server is the demo's own: .* in \(/[^,]*\), removed at the end$|\1|p" "$dir/out")
[ -n "$root" ] || { cat "$dir/out"; echo "does not say where the server is"; exit 1; }
[ ! -e "$root" ] || { echo "the server is left in $root"; exit 1; }
for fault in WEIR_LOSES=1 WEIR_DOUBLES=1; do
    demo 1 $fault
    says '^FAILED: ' out
done
[ "$(find "$dir" -name 'weir-demo-*' | wc -l)" = 0 ] || { echo "the databases are left"; exit 1; }
