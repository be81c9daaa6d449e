# weir.c and weir.h, of `./dev amalgamate`: both compilers take them without a warning, README's
# smallest program and one that dies run with them, and the kill test does. Then the same with
# SQLite inside, if `./dev matrix` has fetched one.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
[ -z "$WEIR_SANITIZE" ] || { echo "skipped: it builds a library of its own, without sanitizer"; exit 77; }
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
fail() { echo "$*"; exit 1; }
sqlite=${WEIR_SQLITE_SOURCE:-$WEIR_BINARY_DIR/../sqlite/sqlite3.c}

amalgamate() { # FOLDER [SQLITE3.C]
    (cd "$WEIR_SOURCE_DIR" && python3 scripts/amalgamate.py "$@")
}

# All that two programs need is in FOLDER; they end as they should, and lose nothing.
run() { # FOLDER LIBRARY …
    cd "$1"
    shift
    for program in minimal survives_abort; do
        sed 's|#include <weir/.*>|#include "weir.h"|' "$WEIR_SOURCE_DIR/examples/$program.c" >$program.c
        cc -Wall -Werror -o $program $program.c weir.o "$@" -lzstd -lxxhash -lpthread -ldl -lm
    done
    ./minimal >/dev/null
    # shellcheck disable=SC3045 # dash and bash have it
    (ulimit -c 0; ./survives_abort one two) 2>/dev/null && fail "it did not abort"
    ./minimal >/dev/null
    [ "$(sqlite3 run.db 'SELECT count(*) FROM prices')" = 2000 ] || fail "rows are missing"
    [ "$(sqlite3 run.db 'SELECT count(*) FROM log')" = 2 ] || fail "the last words are missing"
}

amalgamate "$dir/plain"
# What a user includes is complete, in both languages.
for language in c c++; do
    cc -x $language -Wall -Wextra -Werror -fsyntax-only "$dir/plain/weir.h"
done
compiled=
for compiler in gcc clang; do
    command -v $compiler >/dev/null || { echo "$compiler is not installed: not tried"; continue; }
    $compiler -O1 -Wall -Werror -c "$dir/plain/weir.c" -o "$dir/plain/weir.o"
    (run "$dir/plain" -lsqlite3)
    rm -rf "$dir"/plain/run.db*
    compiled=yes
done
[ -n "$compiled" ] || fail "no compiler"

# Two source files that define the same names, each for itself, answer as they do when compiled alone.
for copy in lib writer include scripts; do
    mkdir -p "$dir/twins"
    cp -R "$WEIR_SOURCE_DIR/$copy" "$dir/twins/"
done
printf 'int printf(const char *, ...);\n' >"$dir/twins.c"
for number in 1 2; do
    twin=collide_$number
    sed "s/NAME(/$number(/; s/NUMBER/$number/g" "$WEIR_SOURCE_DIR/tests/system/collide.c" \
        >"$dir/twins/lib/base/$twin.c"
    cc -Wall -Werror -c "$dir/twins/lib/base/$twin.c" -o "$dir/$twin.o"
    printf 'int weir_%s(void);\n' $twin >>"$dir/twins.c"
done
printf '%s\n' 'int main(void) {' '    for (int i = 0; i < 3; i++)' \
    '        printf("%d %d\n", weir_collide_1(), weir_collide_2());' '}' >>"$dir/twins.c"
(cd "$dir/twins" && python3 scripts/amalgamate.py "$dir/twins/out")
cc -Wall -Werror -c "$dir/twins/out/weir.c" -o "$dir/twins.o"
cc -o "$dir/alone" "$dir/twins.c" "$dir/collide_1.o" "$dir/collide_2.o"
cc -o "$dir/twinned" "$dir/twins.c" "$dir/twins.o" -lsqlite3 -lzstd -lxxhash -lpthread -ldl -lm
[ "$("$dir/alone")" = "$("$dir/twinned")" ] || fail "names that two files define are mixed up"

# A process that appends with it is killed, and nothing of what it was told is lost.
objects=$WEIR_BINARY_DIR/tests
cc -o "$dir/kill" "$objects/CMakeFiles/test_kill.dir/system/test_kill.c.o" "$objects/libweir_support.a" \
    "$dir/plain/weir.o" -lcmocka -lsqlite3 -lzstd -lxxhash -lpthread -ldl -lm
"$dir/kill" 5 >"$dir/killed" 2>&1 || { cat "$dir/killed"; fail "the kill test"; }
grep 'kills' "$dir/killed"

[ -s "$sqlite" ] || { echo "with SQLite inside: not tried, there is no $sqlite"; exit 0; }
amalgamate "$dir/whole" "$sqlite"
cc -Wall -Werror -c "$dir/whole/weir.c" -o "$dir/whole/weir.o"
nm "$dir/whole/weir.o" | grep -q ' T sqlite3_open_v2$' || fail "SQLite is not inside"
(run "$dir/whole")
! ldd "$dir/whole/minimal" | grep libsqlite3 || fail "the system's SQLite is linked"
