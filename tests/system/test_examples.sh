# The examples do what they say; each is run, and what it leaves is read by the sqlite3 shell.
set -eu
examples=$WEIR_BINARY_DIR/examples
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

expect() { # WANTED GOT WHAT
    [ "$1" = "$2" ] || { echo "$3: wanted $1, got $2"; exit 1; }
}

says() { # PATTERN: what the last program wrote into the file "said"
    grep -q "$1" said || { cat said; echo "wanted: $1"; exit 1; }
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
rm -rf orders.db*

# Threads: the rows of each thread are in its order.
"$examples/threads" >said
expect "4 200000" "$(sqlite3 -separator ' ' run.db 'SELECT count(DISTINCT thread), count(*) FROM samples')" \
    "rows of four threads"
expect 0 "$(sqlite3 run.db 'SELECT count(*) FROM (SELECT step - lag(step) OVER (PARTITION BY thread ORDER BY rowid)
    AS jump FROM samples) WHERE jump <> 1')" "steps out of order"
says '^4 threads, 200000 rows applied in .*, 0 refused$'

# Waiting: it says each level.
"$examples/waiting" >said
expect 10001 "$(sqlite3 run.db 'SELECT count(*) FROM payments')" "payments"
for level in published durable applied; do says "^$level after"; done

# Events and rejects: the refused row is told, kept, and put right.
"$examples/events_and_rejects" >said
says '^event 9: .*weir_reject'
says 'CHECK constraint failed: amount > 0'
expect "12 0" "$(sqlite3 -separator ' ' orders.db \
    'SELECT sum(amount), (SELECT count(*) FROM weir_reject) FROM orders')" "orders, and what is refused"

# An existing database: defaults, an added column, a key at once, UNIQUE and a foreign key.
"$examples/existing_database" >said
says '^once more: WEIR_REJECTED'
expect "1000 by hand 1" "$(sqlite3 -separator ' ' shop.db \
    'SELECT count(*), max(note), max(since IS NOT NULL) FROM sale JOIN customer ON id = customer')" "sales"
expect 2 "$(sqlite3 shop.db "SELECT count(*) FROM weir_reject
    WHERE message IN ('UNIQUE constraint failed: customer.name', 'FOREIGN KEY constraint failed')")" "refused"
"$examples/existing_database" 2>said && { echo "a second Ada was taken"; exit 1; }
says 'weir_reject says why'
"$examples/existing_database" Grace >/dev/null

# The service: killed it loses nothing, ended it closes.
count() { sqlite3 -cmd '.timeout 5000' beats.db 'SELECT count(*) FROM beats' 2>/dev/null || echo 0; }
start() { # and wait until three more beats are applied
    wanted=$(($([ -e beats.db ] && count || echo 0) + 3))
    "$examples/service" beats.db &
    until [ "$(count)" -ge $wanted ]; do sleep 0.1; done
}
start
kill -9 $!
wait $! 2>/dev/null || true
start
kill $!
wait $!
[ ! -e beats.db-wal ] && [ ! -e beats.db-weir/ring ]
expect 0 "$(sqlite3 beats.db 'SELECT count(*) FROM (SELECT beat - lag(beat) OVER (ORDER BY rowid) AS jump,
    beat FROM beats) WHERE jump <> 1 AND beat <> 0')" "beats that are missing"

# The shell.
mkdir shell
sh "$WEIR_SOURCE_DIR/examples/shell/backup.sh" shell >said
says '^0 rows wait$'
says 'ERROR|taxes: permission denied$'
expect 5 "$(sqlite3 shell/jobs.db 'SELECT count(*) FROM log')" "lines of the job"

# Following: each row once, also when it is started again.
mkdir followed
(cd followed && "$examples/minimal" >/dev/null)
"$examples/follow" followed/run.db-weir >said
expect 1000 "$(grep -c '^[0-9]* prices tick=' said)" "rows of follow"
says '^1000 prices tick=999 price=224.875$'
"$examples/follow" followed/run.db-weir >said
expect 0 "$(grep -c . said || true)" "rows of follow, again"

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
