# Covers: recovery/backup/backup.c, recovery/backup/blocks.c, recovery/backup/pages.c, recovery/backup/source.c, recovery/backup/part.c, recovery/backup/interrupt.c, recovery/backup/report_backup.c, recovery/check.c, lib/journal/closing.c
# weir backup beside a program that writes: each copy has every row up to the number that it names,
# once, whatever the program does meanwhile; what is interrupted leaves nothing that looks like a
# backup. The program is weir-log, whose n-th line begins with n.
set -u
weir=$WEIR_TOOL
recover=$WEIR_RECOVER
top=$(mktemp -d)
pid=
leave() {
    [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
    rm -rf "$top"
}
trap leave EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "$section: $*"
    [ ! -s out ] || { echo "the last command said:"; cat out; }
    exit 1
}
expect() { [ "$1" = "$2" ] || fail "$3: wanted $1, got $2"; }
run() { # STATUS COMMAND …
    wanted=$1
    shift
    status=0
    "$@" >out 2>&1 || status=$?
    expect "$wanted" "$status" "exit status of $*"
}
says() { grep -q -- "$1" out || fail "nothing says: $1"; }
sql() { sqlite3 -cmd '.timeout 8000' "$@"; }
member() { sed -n "s/.*\"$2\":\"\{0,1\}\([^,\"}]*\).*/\1/p" "$1"; }

# Lines that do not compress well, so that segments fill and are used again; not too fast.
numbered() {
    awk -v from="$1" -v to="$2" 'BEGIN { srand(from)
        for (i = from; i <= to; i++) {
            printf "%d %.17g %.17g %.17g %.17g\n", i, rand(), rand(), rand(), rand()
            if (i % 2000 == 0) { fflush(); system("sleep 0.03") }
        } }'
}

start() { # FROM TO
    mkfifo input
    "$WEIR_LOG" run.db <input 2>log 8>&- &
    pid=$!
    numbered "$1" "$2" >input &
    rm_later=$!
    for _ in $(seq 100); do [ "$(sql run.db 'SELECT count(*) > 100 FROM log' 2>/dev/null)" = 1 ] && break; sleep 0.05; done
    rm input
}
finish() {
    wait "$pid" || fail "weir-log failed: $(cat log)"
    wait $rm_later 2>/dev/null
    pid=
}

# Restored, the copy holds the lines 1 to N, in order, once.
check_copy() { # DIRECTORY
    n=$(member "$1/weir-backup.json" row)
    run 0 "$weir" status "$1/run.db"
    says '^clean'
    run 0 "$weir" verify "$1/run.db"
    [ "$n" = "$(member "$1/weir-backup.json" applied)" ] && wanted=0 || wanted=1
    run $wanted "$recover" "$1/run.db"
    expect "$n|$n|1|$n" "$(sql "$1/run.db" 'SELECT count(*), count(DISTINCT CAST(message AS INTEGER)),
        min(CAST(message AS INTEGER)), max(CAST(message AS INTEGER)) FROM log')" "rows of $1"
    expect 0 "$(sql "$1/run.db" 'SELECT count(*) FROM log WHERE rowid <> CAST(message AS INTEGER)')" \
        "rows out of order in $1"
}

beside_a_writer() {
    start 1 600000
    made=0
    while kill -0 $pid 2>/dev/null && [ $made -lt 40 ]; do
        run 0 "$weir" backup run.db "copy$made"
        made=$((made + 1))
    done
    [ $made -ge 12 ] || fail "only $made backups were made beside the writer"
    finish
    before=0
    for i in $(seq 0 $((made - 1))); do
        check_copy "copy$i"
        [ "$n" -ge "$before" ] || fail "copy$i has less than the one before"
        before=$n
    done
    rm -rf copy*
    run 0 "$weir" backup run.db all # of a closed one
    expect 600000 "$(member all/weir-backup.json row)" "rows of the last backup"
    check_copy all
}

# A backup is opened where it is, and written on.
restored_and_written_on() {
    echo 'one more' | "$WEIR_LOG" all/run.db || fail "a restored backup cannot be opened"
    expect 600001 "$(sql all/run.db 'SELECT count(*) FROM log')" "rows after the restore"
    run 0 "$weir" status all/run.db
    says '^clean'
    rm -rf all
}

# Rows wait while another connection has the database: the backup has them in its journal.
of_a_dead_program() {
    mkfifo hold
    sqlite3 run.db <hold >/dev/null &
    holder=$!
    exec 8>hold
    rm hold
    printf 'BEGIN IMMEDIATE;\n' >&8
    mkfifo input
    "$WEIR_LOG" run.db <input 2>log 8>&- &
    pid=$!
    exec 9>input
    rm input
    numbered 600001 600100 >&9
    for _ in $(seq 100); do
        "$weir" status --json run.db >out 2>&1
        [ "$(member out waiting)" = 100 ] && break
        sleep 0.1
    done
    kill -9 $pid
    wait $pid 2>/dev/null
    pid=
    exec 9>&-
    printf 'ROLLBACK;\n' >&8
    exec 8>&-
    wait $holder
    cp -a run.db-weir before
    run 24 "$weir" status --check run.db
    says '^weir DIED: nobody has the journal open, and 100 rows wait (its process died)'
    run 0 "$weir" backup --json run.db dead
    expect 600100 "$(member out row)" "rows of a dead program"
    expect 100 "$(member out waiting)" "rows in the journal of its backup"
    check_copy dead
    diff -r before run.db-weir >/dev/null || fail "a backup has changed the journal"
    rm -rf before dead
    run 1 "$recover" run.db
}

refused() {
    mkdir there
    run 8 "$weir" backup run.db there
    says 'there exists: a backup is a new directory, and replaces nothing'
    ln -s nowhere link
    run 8 "$weir" backup run.db link
    run 8 "$weir" backup run.db nowhere/copy
    says 'nowhere is no directory'
    run 8 "$weir" backup none.db copy
    run 16 "$weir" backup --integrity=much run.db copy
    run 16 "$weir" backup run.db
    run 0 "$weir" backup --dry-run run.db copy
    says 'copy: would have run.db with every row up to 600100'
    [ ! -e copy ] && [ ! -e copy.part ] || fail "--dry-run has made something"
    run 0 "$weir" backup --integrity=full run.db copy
    rm -rf copy there link
}

# Signals and kills at random moments: TO is whole or is not there, and TO.part is said.
interrupted() {
    kept=0 killed=0
    for i in $(seq 30); do
        how=$([ $((i % 2)) = 0 ] && echo INT || echo KILL)
        # In the foreground it sends one signal, not two: a second would end the tool at once.
        timeout --foreground -s "$how" "0.0$i" "$weir" backup run.db stop >out 2>&1
        if [ -e stop ]; then
            kept=$((kept + 1))
            check_copy stop
            rm -rf stop
        elif [ "$how" = INT ]; then
            [ ! -e stop.part ] || fail "Ctrl-C has left stop.part"
        elif [ -e stop.part ]; then
            killed=$((killed + 1))
            sleep 0.3 # timeout does not wait for what it has killed
            run 8 "$weir" backup run.db stop
            says 'stop.part is what a backup left that was interrupted'
            rm -r stop.part
        fi
    done
    [ $killed -gt 0 ] || fail "no kill came while a backup was written"
}

rights() {
    chmod 640 run.db
    chmod 750 run.db-weir
    run 0 "$weir" backup run.db mode
    expect "640 750 750" "$(stat -c %a mode/run.db mode/run.db-weir mode | tr '\n' ' ' | sed 's/ $//')" "rights"
    rm -rf mode
}

# What a monitor is told.
checked() {
    run 0 "$weir" status --check run.db
    says '^weir OK: 0 rows wait, nobody has the journal open | waiting=0 lag=0.000s rejects=0 free='
    expect 1 "$(wc -l <out)" "lines of a check"
    run 16 "$weir" status --max-waiting=1 run.db
    run 23 "$weir" status --check --min-free=999999999999999 run.db
    says '^weir SPACE: '
    cp -a run.db keep.db
    chmod 444 run.db
    run 25 "$weir" status --check run.db
    says 'run.db is read-only'
    run 25 "$weir" status --check --json --min-free=999999999999999 run.db # the gravest wins …
    says '"what":"SPACE"'                                                 # … and all are named
    says '"what":"DATABASE"'
    echo 'this is no database, and longer than a header would have to be' >new
    cat new new >run2
    chmod 644 run.db
    cp run2 run.db
    run 25 "$weir" status --check run.db
    says '^weir DATABASE: .*cannot be read'
    rm run.db
    run 4 "$weir" status --check run.db # its rows have left the journal, which is graver
    says 'there is no database at'
    mv keep.db run.db
    sql run.db "CREATE TABLE keep AS SELECT * FROM weir_position; DELETE FROM weir_position"
    status=0
    "$weir" status --check run.db >out 2>&1 || status=$?
    [ $status = 4 ] || [ $status = 24 ] || fail "a database without its position: $status"
    sql run.db "INSERT INTO weir_position SELECT * FROM keep; DROP TABLE keep"
    run 0 "$weir" status --check run.db
}

# Locked is no trouble by itself; rows that wait are, beyond a limit.
limits() {
    mkfifo hold input
    sqlite3 run.db <hold >/dev/null &
    holder=$!
    exec 8>hold
    "$WEIR_LOG" run.db <input 2>log 8>&- &
    pid=$!
    exec 9>input
    rm hold input
    sleep 0.5
    printf 'BEGIN IMMEDIATE;\n' >&8
    sleep 0.3
    numbered 1 50 >&9
    for _ in $(seq 100); do
        "$weir" status --json run.db >out 2>&1
        [ "$(member out waiting)" = 50 ] && break
        sleep 0.1
    done
    run 0 "$weir" status --check --max-waiting=50 run.db
    run 21 "$weir" status --check --max-waiting=49 run.db
    says '^weir WAITING: 50 rows wait, and 49 may'
    sleep 1.1
    run 22 "$weir" status --check --max-waiting=49 --max-lag=1 run.db
    says '^weir WAITING, LAG: '
    printf 'ROLLBACK;\n' >&8
    exec 8>&-
    wait $holder
    exec 9>&-
    finish_log
}
finish_log() {
    wait "$pid" || fail "weir-log failed: $(cat log)"
    pid=
}

cd "$top" || exit 1
for section in beside_a_writer restored_and_written_on of_a_dead_program refused interrupted rights checked limits; do
    $section
done
echo "backups: all sections passed"
