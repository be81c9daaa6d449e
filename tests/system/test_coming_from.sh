# The programs in docs/coming-from compile without a warning and run; those that stand before and
# after write the same rows. A block of code that begins with ```c NAME or ```cpp NAME is a program.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

for page in "$WEIR_SOURCE_DIR"/docs/coming-from/*.md; do
    awk '/^```(c|cpp) [a-z_]+\.(c|cc)$/ { file = $2; next } /^```/ { file = "" } file { print > file }' "$page"
done
[ "$(echo *_before.c*)" = "batching_before.c queue_before.c spdlog_before.cc" ]
[ "$(echo *_after.c*)" = "batching_after.c queue_after.c spdlog_after.cc" ]

library=$(dirname "$(find "$WEIR_BINARY_DIR" -maxdepth 2 -name libweir.so | head -1)")
sanitize=${WEIR_SANITIZE:+-fsanitize=$WEIR_SANITIZE} # as the library was built

run() { # COMPILER STANDARD PROGRAM LIBRARIES: in a folder of its name
    name=${3%.*}
    mkdir "$name"
    flags=
    [ "$4" != -lweir ] || flags=$sanitize
    # shellcheck disable=SC2086 # lists of flags
    "$1" "-std=$2" -O1 -Wall -Wextra -Werror $flags "-I$WEIR_SOURCE_DIR/include" "$3" -o "$name/program" \
        "-L$library" "-Wl,-rpath,$library" -pthread $4
    (cd "$name" && ./program)
}

same() { # NAME QUERY: what the programs before and after left
    sqlite3 "$1_before/run.db" "$2" >before
    sqlite3 "$1_after/run.db" "$2" >after
    [ -s before ]
    diff before after
}

sqlite=$(pkg-config --cflags --libs sqlite3)
run cc gnu17 batching_before.c "$sqlite"
run cc gnu17 batching_after.c -lweir
same batching 'SELECT tick, price FROM prices ORDER BY rowid'
run cc gnu17 queue_before.c "$sqlite"
run cc gnu17 queue_after.c -lweir
same queue 'SELECT thread, step FROM steps ORDER BY thread, rowid'

run c++ c++17 spdlog_after.cc -lweir
sqlite3 spdlog_after/app.db "SELECT level, message, fields ->> 'ms' FROM log ORDER BY rowid" >said
diff - said <<'END'
INFO|order 7 of ACME filled at 9.50|
WARN|slow|12.5
DEBUG|connecting to ACME|
ERROR|order 8 was refused|
END
if pkg-config --exists spdlog; then
    run c++ c++17 spdlog_before.cc "$(pkg-config --cflags --libs spdlog)"
    grep -q 'order 7 of ACME filled at 9.50' spdlog_before/app.log
else
    echo "not tried without spdlog: the program before"
fi
