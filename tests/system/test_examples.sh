# The examples do what they say: rows of the one can be read, the last words of the other survive
# it.
set -eu
examples=$WEIR_BINARY_DIR/examples
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

expect() { # WANTED GOT WHAT
    [ "$1" = "$2" ] || { echo "$3: wanted $1, got $2"; exit 1; }
}

"$examples/minimal" >/dev/null
expect 1000 "$(sqlite3 run.db 'SELECT count(*) FROM prices')" "rows of minimal"
expect 100.125 "$(sqlite3 run.db 'SELECT price FROM prices WHERE tick = 1')" "a price"

# In a subshell that says nothing of the abort; no core file either.
(ulimit -c 0; "$examples/survives_abort" one two) 2>/dev/null && { echo "it did not abort"; exit 1; }
status=0
"$WEIR_RECOVER" run.db >recovered 2>&1 || status=$?
[ $status -le 1 ] || { cat recovered; echo "weir-recover: exit $status"; exit 1; }
expect 2 "$(sqlite3 run.db 'SELECT count(*) FROM log')" "rows in the log after the abort"
expect 1 "$(sqlite3 run.db "SELECT count(*) FROM log WHERE level = 'FATAL' AND message LIKE 'the last words of %'")" \
    "the last words"
expect 1000 "$(sqlite3 run.db 'SELECT count(*) FROM prices')" "rows of minimal, afterwards"

# Opening recovers as well: a second death, then a program that only opens.
(ulimit -c 0; "$examples/survives_abort") 2>/dev/null && { echo "it did not abort"; exit 1; }
"$examples/minimal" >/dev/null
expect 4 "$(sqlite3 run.db 'SELECT count(*) FROM log')" "rows in the log after opening again"

# Where there is a C++ compiler: rows of structs, and messages of spdlog.
[ -n "$WEIR_CXX" ] || exit 0
"$examples/cpp"
expect 1001 "$(sqlite3 run.db 'SELECT count(*) FROM trades JOIN runs ON run = id')" "rows of cpp"
[ ! -x "$examples/spdlog_sink" ] || {
    "$examples/spdlog_sink"
    expect 1 "$(sqlite3 run.db "SELECT count(*) FROM log WHERE level = 'WARN' AND line > 0
        AND file LIKE '%spdlog_sink.cpp' AND message = 'order 7 of ACME filled at 9.50'
        AND abs(time_ns / 1e9 - unixepoch()) < 100 AND thread > 0")" "the message of spdlog"
}
