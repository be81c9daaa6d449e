# What docs/OPERATING.md and docs/BACKUP.md say of files, copies, rights, other processes and other
# connections is so. The live program is examples/service, which appends ten rows a second to
# "beats", or weir-log, whose input this script holds. Each function is a section of the documents.
set -u
service=$WEIR_BINARY_DIR/examples/service
recover=$WEIR_RECOVER
top=$(mktemp -d)
chmod 755 "$top" # for the user of rights()
log=$top/log pid=

leave() {
    [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
    rm -rf "$top"
}
trap leave EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "$section: $*"
    [ ! -s "$log" ] || { echo "the program said:"; cat "$log"; }
    [ ! -s out ] || { echo "the last command said:"; cat out; }
    exit 1
}

expect() { # WANTED GOT WHAT
    [ "$1" = "$2" ] || fail "$3: wanted $1, got $2"
}

run() { # STATUS COMMAND …: its exit status; what it says is in the file "out"
    wanted=$1
    shift
    status=0
    "$@" >out 2>&1 || status=$?
    expect "$wanted" "$status" "exit status of $*"
}

refused() { run 1 timeout 30 "$service" run.db; }
says() { grep -q -- "$1" "${2:-out}" || fail "nothing says: $1"; }
sql() { sqlite3 -cmd '.timeout 8000' "$@"; }

beats() { # the shell shall not be the one that makes the database
    [ -e "${1:-run.db}" ] && sql "${1:-run.db}" 'SELECT count(*) FROM beats' 2>/dev/null || echo 0
}


until_true() { # WHAT COMMAND …: within a minute
    what=$1
    shift
    for _ in $(seq 600); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "$what does not come"
}

more() { [ "$(beats)" -ge "$1" ]; }
said() { grep -q -- "$1" "$log"; }

start() { # the service, until three more rows are applied
    wanted=$(($(beats) + 3))
    "$service" run.db >"$log" 2>&1 &
    pid=$!
    until_true "the third row" more $wanted
}

start_log() { # weir-log OPTION …, with its input at descriptor 9
    mkfifo input
    "$WEIR_LOG" "$@" run.db <input 2>"$log" &
    pid=$!
    exec 9>input
    rm input
}

line_is_there() { [ "$(sql run.db "SELECT count(*) FROM log WHERE message = '$1'")" = 1 ]; }
line() { echo "$1" >&9 && until_true "the line $1" line_is_there "$1"; }

stop() {
    exec 9>&-
    [ "$(cat /proc/$pid/comm)" = weir-log ] || kill $pid
    status=0
    wait $pid || status=$?
    pid=
    expect 0 $status "exit status of the program"
}

die() {
    exec 9>&-
    kill -9 $pid
    wait $pid 2>/dev/null
    pid=
}

# A command for a connection that has the database locked: until rows wait in the journal, for a minute.
until_rows_wait() { # OPTION …
    echo "for _ in \$(seq 600); do" \
        "'$recover' status $* run.db | grep -q ', [1-9][0-9]* waiting' && break; sleep 0.1; done"
}

die_with_rows_waiting() {
    sql run.db 'BEGIN IMMEDIATE' ".shell $(until_rows_wait); kill -9 $pid" COMMIT
    wait $pid 2>/dev/null
    pid=
    expect 1 "$(waiting | grep -cx '[1-9][0-9]*')" "rows that wait are some"
}

number() { # NAME: of the object that status writes
    sqlite3 :memory: "SELECT coalesce(json_extract('$("$recover" status --json run.db)', '\$.$1'), 0)"
}
waiting() { echo $(($(number rows.waiting) + $(number rows.above_mark) + $(number ring.rows))); }

section() {
    section=$1
    rm -rf "$top/work"
    mkdir "$top/work"
    cd "$top/work" || exit 1
    $1
}

copy() { # FOLDER FILE …
    mkdir "$1"
    folder=$1
    shift
    cp -a "$@" "$folder/"
}

# ---- BACKUP.md -----------------------------------------------------------------------------------

start_afresh() {
    start
    die
    rm -rf run.db run.db-wal run.db-shm run.db-weir
    start
    stop
    expect 0 "$(sql run.db 'SELECT min(beat) FROM beats')" "the first beat of the new database"
    expect "$(beats)" "$(number rows.applied)" "rows of the new journal"
}

only_the_database_is_removed() {
    start
    stop
    rows=$(beats)
    rm run.db
    refused
    says 'the database is not there, though its journal has rows'
    says 'or begin without them (weir forget --yes run.db)'
    [ ! -e run.db ] || fail "a refused opening made a database"
    run 4 "$recover" status run.db
    says "$rows rows are not in the database yet"
    run 1 "$recover" run.db
    expect "$rows" "$(beats)" "rows that came back"

    start # recycles the segment that they were in
    stop
    rm run.db
    run 4 "$recover" status run.db
    says 'have left the journal, which keeps a row until a database has it; the database is not there'
    run 4 "$recover" run.db
    refused
    says 'or begin a new journal (weir forget --yes run.db)'
    [ ! -e run.db ] || fail "a refused opening made a database"
    run 4 "$recover" --accept-gap run.db
    says "rows 1 to $rows are missing"
    start # with what was left
    stop
    rm run.db
    run 0 "$recover" forget --yes run.db
    says 'the next opening begins a new journal'
    start
    stop
    run 0 "$recover" status run.db
    says 'run.db-weir-forgotten-1 (set aside)'
}

only_the_journal_is_removed() {
    start
    die_with_rows_waiting
    rows=$(beats)
    rm -rf run.db-weir
    run 4 "$recover" status run.db
    says '^journal_missing'
    run 4 "$recover" run.db
    says "rows after row $rows may be missing"
    start
    says "rows after row $rows may be missing" "$log"
    stop
    run 0 "$recover" status run.db
    says "rows after row $rows of it may be missing"
    expect 0 "$(sql run.db "SELECT beat FROM beats LIMIT 1 OFFSET $rows")" "the row after the applied ones"
}

copies_of_a_database_in_use() {
    start
    run 0 sql run.db "VACUUM INTO 'vacuum.db'"
    run 0 timeout 20 sqlite3 run.db '.backup backup.db'
    sql run.db .dump | sqlite3 dump.db
    for db in vacuum.db backup.db dump.db; do
        expect ok "$(sql $db 'PRAGMA integrity_check')" "$db"
        [ "$(beats $db)" -ge 3 ] || fail "$db lacks rows"
    done
    cp run.db alone.db # without -wal
    [ "$(beats alone.db)" -lt "$(beats vacuum.db)" ] || fail "a copy of run.db alone has all"

    # One instant: what a snapshot of the file system has.
    kill -STOP $pid
    copy snapshot run.db run.db-wal run.db-weir
    kill -CONT $pid
    stop
    run 0 "$recover" status snapshot/run.db
    says '^clean'
    status=0
    "$recover" snapshot/run.db >out 2>&1 || status=$?
    [ $status -le 1 ] || fail "recovery of the snapshot: exit $status"
    expect ok "$(sql snapshot/run.db 'PRAGMA integrity_check')" "the snapshot"
    expect "$(beats snapshot/run.db)" "$(sql snapshot/run.db 'SELECT max(beat) + 1 FROM beats')" "its rows"

    # A copy by SQL stands alone and begins a journal of its own.
    copy alone vacuum.db
    mv alone/vacuum.db alone/run.db
    rows=$(beats alone/run.db)
    cd alone || exit 1
    run 4 "$recover" run.db # it lacks what came after the copy
    says 'rows after row .* may be missing'
    run 0 "$recover" forget run.db
    run 0 "$recover" run.db
    start
    [ ! -s "$log" ] || fail "a copy that was accepted is missed something"
    stop
    [ "$(beats)" -gt "$rows" ] || fail "the copy takes no rows"
}

copies_while_closed() {
    start
    stop
    rows=$(beats)
    copy both run.db run.db-weir
    mkdir moved
    mv run.db moved/other.db
    mv run.db-weir moved/other.db-weir
    mv moved/other.db moved/other.db-weir .
    run 0 "$recover" status other.db
    says "rows      $rows durable, $rows applied, 0 waiting"
    mv other.db run.db
    mv other.db-weir run.db-weir
    cd both || exit 1
    start # both go on
    stop
    cd ..
    start
    until_true "a journal that does not end before the other's" more "$(beats both/run.db)"
    stop
    cp both/run.db run.db
    refused
    says 'the database was written from another history of this journal'
}

an_older_database() {
    start
    sql run.db "VACUUM INTO 'old.db'"
    until_true "a row after the copy" more $(($(beats old.db) + 1))
    stop
    rows=$(beats)
    mv run.db newest.db
    copy together old.db run.db-weir
    mv together/old.db together/run.db
    run 1 "$recover" together/run.db # its rows are still in the journal
    expect "$rows" "$(beats together/run.db)" "rows after recovery"
    mv newest.db run.db

    start # now they leave it
    stop
    cp old.db run.db
    run 4 "$recover" status run.db
    says '^database_behind'
    refused
    says 'ha[sv]e* left the journal, .* this one has applied up to row'
    run 4 "$recover" replay --skip-damage --into new.db run.db-weir
    says 'rows are lost'
    expect "$rows" "$(sql new.db 'SELECT last_row FROM weir_loss')" "the last row that is lost"
    run 0 "$recover" forget --yes run.db # the older database as it is, with a new journal
    says 'bring them out (weir replay --into NEW'
    start
    stop
}

an_older_journal() {
    start
    stop
    cp -a run.db-weir older
    start
    stop
    mv run.db-weir newer
    mv older run.db-weir
    run 4 "$recover" status run.db
    says '^journal_behind'
    refused
    says "put the journal's newest files back; or keep the database and begin a new journal"
    mv run.db-weir older
    mv newer run.db-weir
    start
    stop
}

the_journal_of_another_database() {
    start
    stop
    mv run.db-weir other
    rows=$(beats)
    rm run.db
    sql run.db 'CREATE TABLE own(x); INSERT INTO own VALUES (7)'
    mv other run.db-weir
    run 1 "$recover" run.db
    expect "7 $rows" "$(sql run.db 'SELECT x FROM own') $(beats)" "own rows and the other's"
    start # rows leave the journal
    stop
    rm run.db
    sql run.db 'CREATE TABLE own(x)'
    run 4 "$recover" run.db
    says 'this one has nothing of it'
}

a_foreign_wal() {
    start
    sql run.db "VACUUM INTO 'copy.db'"
    rows=$(beats copy.db)
    die
    rm -rf run.db run.db-wal run.db-shm run.db-weir
    cp copy.db run.db
    expect "$rows" "$(beats)" "rows of the restored copy"
    start
    stop
    expect ok "$(sql run.db 'PRAGMA integrity_check')" "the restored database"
}

# ---- OPERATING.md --------------------------------------------------------------------------------

mebibytes() { du -sm --apparent-size "${1:-run.db-weir}" | cut -f1; }

disk() {
    start
    [ -e run.db-weir/ring ] || fail "an open journal has no ring"
    stop
    expect "lock segment-00000000000000000001 stats" "$(cd run.db-weir && echo *)" "files of a closed journal"
    expect 1 "$(mebibytes)" "MiB of a closed journal, rounded up, as OPERATING.md says"
    [ "$(stat -c %s run.db-weir/segment-*)" -le 1048576 ] || fail "a closed segment is large"
    run 0 "$recover" status run.db
    says '^clean'
    start
    stop
    expect 0 "$(waiting)" "rows that wait"
    rm -rf run.db-weir # nothing waits: it may go
    start
    stop
    echo 'a line' | "$WEIR_LOG" log.db
    expect 1 "$(mebibytes log.db-weir)" "MiB of weir-log's closed journal, as OPERATING.md says"
}

other() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

rights() {
    (umask 027 && exec "$service" run.db) >"$log" 2>&1 &
    pid=$!
    until_true "the third row" more 3
    die
    for file in run.db run.db-weir/lock run.db-weir/ring run.db-weir/segment-*; do
        expect 640 "$(stat -c %a "$file")" "mode of $file"
    done
    expect 750 "$(stat -c %a run.db-weir)" "mode of the journal"
    rm -rf run.db*

    : >run.db
    chmod 660 run.db
    (umask 077 && exec "$service" run.db) >"$log" 2>&1 &
    pid=$!
    until_true "the third row" more 3
    stop
    expect "660 770" "$(stat -c %a run.db run.db-weir | tr '\n' ' ' | sed 's/ $//')" "a group's rights"

    [ "$(id -u)" = 0 ] || { echo "not tried without root: another user"; return 0; }
    chmod 755 .
    chmod 644 run.db
    start
    expect 1 "$(other sqlite3 run.db 'SELECT count(*) > 2 FROM beats')" "what another user reads beside it"
    stop
    chmod 755 run.db-weir
    chmod 644 run.db-weir/*
    run 0 other "$recover" status run.db
    run 8 other "$recover" run.db
    says 'the database is read-only, and weir needs to write to it'
    run 8 other sqlite3 run.db 'SELECT count(*) FROM beats'
    run 0 other sqlite3 'file:run.db?immutable=1' 'SELECT count(*) FROM beats'

    chmod 600 run.db
    run 8 other "$recover" run.db
    says 'user 65534 may not read it: run this as its owner, or as root'
    chmod 666 run.db
    run 8 other "$recover" run.db
    says 'may not make files in the directory of the database'
    chmod 777 .
    run 8 other "$recover" run.db
    says 'run.db-weir/lock; is the directory writable?'
    chmod 755 .
    chmod 644 run.db

    chown 65534:65534 . run.db run.db-weir run.db-weir/*
    start # root, in the service's place
    die
    status=0
    "$recover" run.db >out 2>&1 || status=$?
    [ $status -le 1 ] || fail "recovery by root: exit $status"
    expect "" "$(find . -not -user 65534 -not -name out)" "files of root's"
}

several_processes() {
    start
    refused
    says "process $pid has the journal open; close it there first"
    run 8 "$recover" run.db
    says "is open in process $pid, which applies its rows"
    run 0 "$recover" status run.db
    says "open in   process $pid"
    echo 'a line' | run 0 "$WEIR_LOG" --journal second run.db
    says "another journal of this database, .*/run.db-weir, is open in process $pid"
    expect 'a line' "$(sql run.db 'SELECT message FROM log')" "what came through the second journal"
    stop
    expect "$top/work/second" "$(sql run.db 'SELECT directory FROM weir_journal')" "the second journal's place"

    # Rows wait in the second journal: no other opens the database before they are applied.
    start_log --journal second
    line one
    sql run.db 'BEGIN IMMEDIATE' ".shell echo two >&9; $(until_rows_wait --journal second); kill -9 $pid" COMMIT
    wait $pid 2>/dev/null
    pid=
    exec 9>&-
    refused
    says "wait in its journal at $top/work/second"
    run 1 "$recover" --journal second run.db
    start
    stop
    rm -r second
    start
    says 'is not there now, so rows that may wait in it are not applied' "$log"
    stop
    run 0 "$recover" forget --journal "$top/work/second" run.db
    expect 0 "$(sql run.db 'SELECT count(*) FROM weir_journal')" "journals that are remembered"
    start
    [ ! -s "$log" ] || fail "a forgotten journal is still missed"
    stop
}

goes_on() { # after WHAT: rows are applied as before
    until_true "a row after $1" more $(($(beats) + 2))
}

what_others_may_do() {
    start
    for allowed in "DELETE FROM beats WHERE beat < 2" "UPDATE beats SET beat = -1 WHERE beat = 2" \
        "INSERT INTO beats(beat) VALUES (-5)" "CREATE INDEX by_beat ON beats(beat)" \
        "DROP INDEX by_beat" "VACUUM" "REINDEX" "ANALYZE" "CREATE VIEW v AS SELECT beat FROM beats" \
        "ALTER TABLE beats ADD COLUMN note TEXT DEFAULT 'none'" "ALTER TABLE beats DROP COLUMN note" \
        "CREATE TABLE own(x); INSERT INTO own VALUES (1); DROP TABLE own" "PRAGMA wal_checkpoint"; do
        run 0 sql run.db "$allowed"
        goes_on "$allowed"
    done
    [ ! -s "$log" ] || fail "what is allowed raised an event"
    expect 0 "$(sql run.db 'SELECT count(*) FROM beats WHERE beat IN (0, 1)')" "deleted rows"

    # A new rule concerns the rows that come; what it refuses is kept, and may be removed.
    sql run.db "CREATE TRIGGER even BEFORE INSERT ON beats WHEN new.beat % 2 BEGIN SELECT RAISE(ABORT, 'odd'); END"
    until_true "the event" said 'see the table weir_reject'
    expect odd "$(sql run.db 'SELECT DISTINCT message FROM weir_reject')" "why a row was refused"
    run 0 sql run.db 'DROP TRIGGER even; DELETE FROM weir_reject'
    goes_on "a row that was refused"

    run 5 sqlite3 -cmd '.timeout 100' run.db 'PRAGMA journal_mode = DELETE'
    says 'database is locked'
    expect wal "$(sql run.db 'PRAGMA journal_mode')" "the journal mode"

    run 0 sql run.db 'ALTER TABLE beats RENAME COLUMN beat TO pulse'
    until_true "the event" said 'column beat of table beats was not there and is added, empty'
    run 0 sql run.db 'ALTER TABLE beats RENAME COLUMN time_ns TO at'
    until_true "the event" said 'other columns than declared (no column time_ns); rows wait in the journal'
    run 0 sql run.db 'ALTER TABLE beats RENAME COLUMN at TO time_ns'
    until_true "the end of it" said 'rows are being applied again'
    run 0 sql run.db 'DROP VIEW v; DROP TABLE beats'
    until_true "the event" said 'table beats was not there and is made anew'
    goes_on "DROP TABLE"

    sql run.db 'DELETE FROM weir_position'
    until_true "the event" said 'position moved from row .* to row 0 without us'
    stop
}

rows_come_twice_without_their_position() {
    start
    stop
    rows=$(beats)
    sql run.db 'DELETE FROM weir_position'
    run 1 "$recover" run.db
    expect $((2 * rows)) "$(beats)" "rows that were applied again"
}

deleted_rows_do_not_come_back() {
    start
    sql run.db 'DELETE FROM beats WHERE beat < 3'
    die
    status=0
    "$recover" run.db >out 2>&1 || status=$?
    [ $status -le 1 ] || fail "recovery: exit $status"
    expect 0 "$(sql run.db 'SELECT count(*) FROM beats WHERE beat < 3')" "deleted rows after a crash"
}

monitoring() {
    start
    expect 0 "$(number to_recover)" "rows to recover beside a program"
    expect 1 "$(number open)" "open"
    expect $pid "$(number open_in_pid)" "the process"
    cron=$(sed -n 's/^    \*.* trades \(weir .*\)/\1/p' "$WEIR_SOURCE_DIR/docs/OPERATING.md")
    [ -n "$cron" ] || fail "no line for cron in docs/OPERATING.md"
    command -v jq >/dev/null || fail "jq is not installed"
    watch() { echo "$cron" | sed -e "s|weir |$recover |" -e 's|/var/lib/trades/||' -e "s/< 10000/< $1/" | sh; }
    expect "" "$(watch 10000)" "what cron says of a sound journal"
    die_with_rows_waiting
    expect 1 "$(watch 1 | wc -l)" "lines that cron says of rows that wait"
    rows=$(waiting)
    expect "$rows" "$(number to_recover)" "rows to recover after a kill"
    expect clean "$(number verdict)" "the verdict"
    run 1 "$recover" run.db
    expect 0 "$(waiting)" "rows that wait after recovery"
    expect 0 "$(number rows.rejected)" "rows that were refused"
}

for each in start_afresh only_the_database_is_removed only_the_journal_is_removed \
    copies_of_a_database_in_use copies_while_closed an_older_database an_older_journal \
    the_journal_of_another_database a_foreign_wal disk rights several_processes what_others_may_do rows_come_twice_without_their_position \
    deleted_rows_do_not_come_back monitoring; do
    section $each
    echo "ok $each"
done
