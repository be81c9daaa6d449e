# The demo on a slow disk stops the ways that would take too long, says so, and ends in a verdict. It
# fails when weir loses a row or doubles one.
set -eu
[ -z "$WEIR_SANITIZE" ] || { echo "skipped: a sanitizer's runtime must be loaded first"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

demo() { # WANTED STATUS VARIABLE=VALUE
    wanted=$1
    status=0
    env "$2" LD_PRELOAD="$WEIR_DEMO_FAULTS" "$WEIR_BINARY_DIR/demo/weir-demo" --kills 2 --seconds 2 \
        --dir "$dir" >"$dir/out" 2>"$dir/err" || status=$?
    [ $status = "$wanted" ] || { cat "$dir/out" "$dir/err"; echo "$2: exit $status"; exit 1; }
}

says() { # PATTERN FILE
    grep -q "$1" "$dir/$2" || { cat "$dir/out" "$dir/err"; echo "does not say: $1"; exit 1; }
}

demo 0 WEIR_SLOW_MS=10
says '^Stopped early: a commit for each row, with .* of 24,000 rows in .* s; at this rate .* s\.$' out
says '^weir: 0 of .* acknowledged rows lost in 2 kills, 0 doubled; buffered in memory: .* lost; ' out
says '^demo: weir: killing it at random moments$' err
for fault in WEIR_LOSES=1 WEIR_DOUBLES=1; do
    demo 1 $fault
    says '^FAILED: weir, undisturbed: ' out
    says '^FAILED: weir, killed: ' out
done
[ "$(find "$dir" -name 'weir-demo-*' | wc -l)" = 0 ] || { echo "the databases are left"; exit 1; }
