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

# An event loop: every order is answered.
expect "1000 orders answered, each once it was durable" "$("$examples/wait_epoll")" "the event loop"
expect 1000 "$(sqlite3 orders.db 'SELECT count(*) FROM orders')" "rows of the event loop"
