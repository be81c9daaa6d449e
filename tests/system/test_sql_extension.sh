# weir_sqlite, the extension for SQLite: what waits and what is applied are seen as one, each row once,
# while a program writes; what it says agrees with weir-recover; damage and mistakes are told. The
# live programs are weir-log, whose input this script holds, and examples/service.
set -u
service=$WEIR_BINARY_DIR/examples/service
logger=$WEIR_LOG
recover=$WEIR_RECOVER
module=$WEIR_BINARY_DIR/extension/weir_sqlite
top=$(mktemp -d)
pid='' locker='' feeder=''

leave() {
    for one in $pid $locker $feeder; do kill -9 "$one" 2>/dev/null; done
    rm -rf "$top"
}
trap leave EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "$section: $*"
    [ ! -s out ] || { echo "the last command said:"; tail -n 40 out; }
    exit 1
}
expect() { [ "$1" = "$2" ] || fail "$3: wanted $1, got $2"; } # WANTED GOT WHAT
says() { grep -q -- "$1" out || fail "nothing says: $1"; }

sql() { # DATABASE STATEMENT …: what it says is in the file "out", and its status is the shell's
    connection=$1
    shift
    { echo ".load $module"; echo ".timeout 8000"; printf '%s\n' "$@"; } |
        sqlite3 -batch "$connection" >out 2>&1
}
value() { sql "$@" || fail "SQL failed"; cat out; }

until_true() { # WHAT COMMAND …: within 20 s
    what=$1
    shift
    for _ in $(seq 200); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "$what does not come"
}

hold_write_lock() { # DATABASE: until let_go
    mkfifo lock
    sqlite3 -cmd '.timeout 8000' "$1" <lock >held &
    locker=$!
    exec 4>lock
    echo "BEGIN IMMEDIATE; SELECT 'held'; " >&4
    until_true "the write lock" grep -q held held
}
let_go() {
    echo 'ROLLBACK;' >&4
    exec 4>&-
    wait "$locker"
    locker=''
    rm -f lock
}

section=loading
cd "$top" || exit 1
[ -e "$module.so" ] || { echo "not built with WEIR_EXTENSION"; exit 77; }
[ -z "${WEIR_SANITIZE:-}" ] || { echo "a sanitizer must be in the program that loads it"; exit 77; }
command -v sqlite3 >/dev/null || { echo "no sqlite3"; exit 77; }
echo '.load ./nothing' | sqlite3 -batch >out 2>&1
! grep -q 'unknown command' out || { echo "sqlite3 loads no extensions"; exit 77; }
expect 1 "$(value :memory: 'SELECT 1;')" "the extension loads"

# A table whose rows wait, since another connection holds the write lock.
waiting() {
    section=waiting
    "$service" run.db >log 2>&1 &
    pid=$!
    until_true "the first row" sql run.db "SELECT 1 / (count(*) > 0) FROM beats;"
    until_true "the first row" sh -c "[ \"\$(sqlite3 run.db 'SELECT count(*) FROM beats')\" -gt 2 ]"
    hold_write_lock run.db
    until_true "a row that waits" sh -c "
        [ \$(printf '%s\n' '.load $module' \"SELECT count(*) FROM weir_pending('run.db');\" |
            sqlite3) -gt 4 ]"
    for connection in :memory: run.db; do # another connection's snapshot, and one of our own
        sql "$connection" \
            "CREATE VIRTUAL TABLE temp.waiting USING weir_pending_table('run.db', 'BEATS');" \
            "CREATE VIRTUAL TABLE temp.both USING weir_table('run.db', 'beats');" \
            "SELECT count(*) > 4, min(beat), min(weir_row) FROM waiting;" \
            "SELECT count(*) = count(DISTINCT beat), count(*) = max(beat) + 1, min(beat),
                    count(*) > count(weir_row), count(weir_row) > 4 FROM both;" \
            "SELECT typeof(time_ns), typeof(beat) FROM both ORDER BY beat DESC LIMIT 1;" || fail sql
        applied=$(sqlite3 run.db 'SELECT count(*) FROM beats')
        expect "1|$applied|$((applied + 1)) 1|1|0|1|1 integer|integer" "$(tr '\n' ' ' <out |
            sed 's/ $//')" "what waits, by $connection"
    done
    # One statement that sees both sees one state.
    sql run.db "CREATE VIRTUAL TABLE temp.both USING weir_table('main', 'beats');" \
        "SELECT (SELECT count(*) FROM beats) = sum(weir_row IS NULL) FROM both;" || fail sql
    expect 1 "$(cat out)" "the applied rows"
    row=$((applied + 1))
    expect "$row|beats|$applied" "$(value :memory: \
        "SELECT \"row\", table_name, \"values\" ->> 1 FROM weir_pending('run.db') LIMIT 1;")" "a row"
    expect "$row" "$(value run.db "SELECT \"row\" FROM weir_pending('run.db', 'beats') LIMIT 1;")" \
        "a row of the table"
    expect durable "$(value run.db "SELECT state FROM weir_journal('run.db') WHERE kind = 'rows'
        AND first_row = $row;")" "the block of a row that waits"
    expect 1 "$(value run.db "SELECT open AND open_in_pid = $pid AND rows_applied = $applied AND
        rows_waiting >= 5 AND NOT refuses FROM weir_status('run.db');")" "status while open"
    let_go
    kill "$pid"
    wait "$pid"
    pid=''
}

# After closing everything is applied: nothing waits, and the tool says the same.
closed() {
    section=closed
    expect 0 "$(value :memory: "SELECT count(*) FROM weir_pending('run.db');")" "rows that wait"
    expect 1 "$(value run.db "CREATE VIRTUAL TABLE temp.both USING weir_table('run.db', 'beats');" \
        "SELECT (SELECT count(*) FROM beats) = count(*) AND count(weir_row) = 0 FROM both;")" both
    agree run.db
    ln -s run.db link.db
    expect present "$(value :memory: "SELECT database_state FROM weir_status('link.db');")" "a link"
    rm link.db
}

# Each member of the tool's object is a column of that name, with that value.
agree() { # DATABASE
    "$recover" status --json "$1" | head -n 1 >status.json
    value :memory: ".mode json" "SELECT * FROM weir_status('$1');" >row.json
    sql :memory: "WITH
        tool AS (SELECT replace(trim(replace(fullkey, char(34), ''), '\$.'), '.', '_') AS key, atom AS value
                 FROM json_tree(readfile('status.json'))
                 WHERE atom IS NOT NULL AND key != 'type'),
        ours AS (SELECT key, atom AS value FROM json_tree(readfile('row.json')) WHERE atom IS NOT NULL)
        SELECT 'only the tool', * FROM (SELECT * FROM tool EXCEPT SELECT * FROM ours)
        UNION ALL SELECT 'only SQL', * FROM (SELECT * FROM ours EXCEPT SELECT * FROM tool)
        UNION ALL SELECT 'count', count(*) > 25, NULL FROM tool;" || fail sql
    expect 'count|1|' "$(cat out)" "status of $1"
    "$recover" verify --json "$1" >verify.json
    sql :memory: "CREATE TEMP TABLE v AS SELECT value AS j FROM
            json_each('[' || replace(trim(readfile('verify.json'), char(10)), char(10), ',') || ']');" \
        "CREATE TEMP TABLE b AS SELECT * FROM weir_journal('$1');" \
        "SELECT (SELECT max(block) FROM b WHERE state != 'damaged') = j ->> 'last_block',
            (SELECT count(*) FROM b WHERE state = 'damaged') = j ->> 'damages',
            -- of a closed journal all rows may have left
            (SELECT coalesce(max(first_row + rows - 1), j ->> '\$.rows.durable') FROM b WHERE rows > 0)
                = j ->> '\$.rows.durable',
            (SELECT count(DISTINCT segment) FROM b) = j ->> 'segments'
        FROM v WHERE j ->> 'type' = 'verify';" \
        "SELECT count(*) FROM v LEFT JOIN b ON state = 'damaged' AND offset = j ->> 'offset'
            AND first_row IS nullif(j ->> 'first_row', 0) AND why = j ->> 'why' AND path = j ->> 'path'
        WHERE j ->> 'type' = 'damage' AND b.segment IS NULL;" || fail sql
    expect '1|1|1|1 0' "$(tr '\n' ' ' <out | sed 's/ $//')" "blocks of $1"
}

# A program writes and segments leave the journal, while both are read again and again.
racing() {
    section=racing
    mkfifo lines
    "$logger" fast.db <lines >/dev/null 2>log &
    pid=$!
    # 90 random bytes a row, which nothing compresses: segments of 4 MiB come and go.
    (head -c 10800000 /dev/urandom | base64 -w 120 |
        awk '{ print NR, $0 } NR % 1000 == 0 { fflush(); system("sleep 0.03") }' >lines) &
    feeder=$!
    until_true "the first line" sh -c "[ \$(sqlite3 fast.db 'SELECT count(*) FROM log') -gt 0 ]"
    cp fast.db older.db # and its -wal is not: an older state of the database
    looks=0 waited=0
    while kill -0 "$feeder" 2>/dev/null; do
        [ $((looks % 4)) -ne 1 ] || hold_write_lock fast.db
        for connection in :memory: fast.db; do
            sql "$connection" \
                "CREATE VIRTUAL TABLE temp.both USING weir_table('fast.db', 'log');" \
                "SELECT count(*) = count(DISTINCT line), count(*) = max(line), min(line),
                        count(weir_row) > 0 FROM
                    (SELECT CAST(message AS INTEGER) AS line, weir_row FROM both);" || fail sql
            case $(cat out) in
            '1|1|1|1') waited=$((waited + 1)) ;;
            '1|1|1|0') ;;
            *) fail "a row is missing, or is there twice, by $connection, look $looks" ;;
            esac
        done
        [ $((looks % 4)) -ne 1 ] || let_go
        looks=$((looks + 1))
    done
    wait "$feeder"
    feeder=''
    wait "$pid"
    pid=''
    [ "$looks" -ge 3 ] || fail "only $looks looks"
    [ "$waited" -ge 1 ] || fail "no look found rows that wait"
    [ "$(value :memory: "SELECT rows_first_kept FROM weir_status('fast.db');")" -gt 1 ] ||
        fail "no segment has left the journal"
    expect 120000 "$(sqlite3 fast.db 'SELECT count(DISTINCT message) FROM log')" "the lines"
    agree fast.db
    # A database whose rows have left the journal: no rows rather than a part of them.
    ! sql :memory: "SELECT count(*) FROM weir_pending('older.db', NULL, 'fast.db-weir');" ||
        fail "an older copy was taken"
    says 'left the journal'
}

mistakes() {
    section=mistakes
    ! sql :memory: "SELECT * FROM weir_pending;" || fail "no argument"
    says 'names the database'
    ! sql :memory: "SELECT * FROM weir_status('none.db');" || fail "a missing journal"
    says 'there is no journal at .*none.db-weir'
    [ ! -e none.db ] || fail "a file was made"
    ! sql :memory: "SELECT * FROM weir_status('file:run.db');" || fail "a URI"
    says 'a URI is not taken'
    ! sql :memory: "SELECT * FROM weir_pending('run.db', 'nonsense');" || fail "a missing table"
    says 'no table nonsense'
    ! sql :memory: "CREATE VIRTUAL TABLE p USING weir_table('run.db', 'nonsense');" ||
        fail "a missing table"
    says 'no table nonsense'
    ! sql run.db "CREATE VIRTUAL TABLE p USING weir_table('run.db', 'beats');" ||
        fail "a table in the database itself"
    says 'CREATE VIRTUAL TABLE temp'
    ! sql :memory: "SELECT * FROM weir_table('run.db', 'beats');" || fail "a function"
    says 'CREATE VIRTUAL TABLE temp'
    ! sql :memory: "CREATE VIRTUAL TABLE p USING weir_table('run.db', 'beats');" \
        "INSERT INTO p VALUES(1, 2);" || fail "a write"
    says 'may not be modified'
    echo 'this is no database at all, whatever else it is, and it is long enough' >odd.db
    ! sql :memory: "SELECT * FROM weir_pending('odd.db', 'beats', 'run.db-weir');" || fail "no database"
    says 'not a database'
    expect unreadable "$(value :memory: \
        "SELECT database_state FROM weir_status('odd.db', 'run.db-weir');")" "no database"
}

# Who may not make the files that SQLite needs is told so.
rights() {
    section=rights
    [ "$(id -u)" = 0 ] || return 0
    cp -a run.db-weir shut.db-weir
    cp run.db shut.db
    rm -f shut.db-wal shut.db-shm
    mkdir shut && mv shut.db shut.db-weir shut && chmod -R a+rX,a-w shut && chmod 755 "$top"
    cp "$module.so" shut/ && chmod 644 shut/weir_sqlite.so
    status=0
    su nobody -s /bin/sh -c "sqlite3 :memory: '.load $top/shut/weir_sqlite' \
        \"SELECT verdict FROM weir_status('$top/shut/shut.db');\"" >out 2>&1 || status=$?
    [ "$status" != 0 ] || fail "a file was made in a directory that may not be written"
    says 'needs the right to'
}

# Without its database every row waits; a byte of a block is wrong: the rows before it, then the error.
damaged() {
    section=damaged
    rm -f run.db run.db-wal run.db-shm
    all=$(value :memory: "SELECT count(*) FROM weir_pending('run.db');")
    [ "$all" -gt 6 ] || fail "only $all rows"
    expect absent "$(value :memory: "SELECT database_state FROM weir_status('run.db');")" "database"
    expect "$all" "$(value :memory: \
        "CREATE VIRTUAL TABLE temp.both USING weir_table('run.db', 'beats');" \
        "SELECT count(DISTINCT beat) FROM both;")" "rows of both"
    offset=$(value :memory: "SELECT offset + 160 + 30 FROM weir_journal('run.db')
        WHERE first_row = 5 AND rows > 0;")
    printf '\377' | dd of=run.db-weir/segment-00000000000000000001 bs=1 seek="$offset" conv=notrunc \
        2>/dev/null
    ! sql :memory: "SELECT 'row', \"row\" FROM weir_pending('run.db');" || fail "damage was not told"
    expect 'row|1 row|2 row|3 row|4' "$(grep '^row' out | tr '\n' ' ' | sed 's/ $//')" "rows before"
    says 'segment-00000000000000000001 at byte'
    says 'weir salvage'
    expect rot "$(value :memory: "SELECT verdict FROM weir_status('run.db');")" "verdict"
    agree run.db
}

# In Python, where its sqlite3 loads extensions.
python() {
    section=python
    interpreter=/usr/bin/python3
    status=0
    "$interpreter" - "$module" <<'END' >out 2>&1 || status=$?
import sqlite3, sys
db = sqlite3.connect("run.db")
if not hasattr(db, "enable_load_extension"):
    sys.exit(77)
db.enable_load_extension(True)
db.load_extension(sys.argv[1])
db.execute("CREATE VIRTUAL TABLE temp.b USING weir_table('main', 'beats')")
with db:
    db.execute("DELETE FROM beats WHERE beat = 0")
    both = db.execute("SELECT count(*), sum(beat = 0) FROM b").fetchone()
    assert both == (db.execute("SELECT count(*) FROM beats").fetchone()[0], 0), both
    db.rollback() # what this connection has not committed is seen, and comes back
assert db.execute("SELECT sum(beat = 0) FROM b").fetchone() == (1,)
status = dict(zip(*[[d[0] for d in c.description] if i == 0 else c.fetchone()
              for c in [db.execute("SELECT * FROM weir_status(?)", ("run.db",))] for i in (0, 1)]))
assert status["verdict"] == "clean" and status["rows_waiting"] == 0, status
try:
    db.execute("SELECT * FROM weir_pending(?, ?)", ("run.db", "nonsense")).fetchall()
except sqlite3.OperationalError as e:
    assert "no table nonsense" in str(e), e
else:
    sys.exit("no error")
db.close()
END
    [ "$status" = 0 ] || [ "$status" = 77 ] || [ "$status" = 127 ] || fail "status $status"
}

# Journals of released versions, of every type and template: the rows that wait are those of the dump
# after the position, value by value, and what is said of them is what the tool says.
golden() {
    section=golden
    values=0
    for case in "$WEIR_SOURCE_DIR"/tests/golden/v1/*/; do
        section="golden $(basename "$case")"
        rm -rf case && cp -R "$case/state" case && find case -name '*.zst' -exec unzstd -q --rm {} +
        "$recover" dump case/run.db >dump.json 2>/dev/null
        sql :memory: \
            "CREATE TEMP TABLE pending(row, position, value, type);" \
            "CREATE TEMP TABLE dump(row, position, value, type);" \
            "INSERT INTO dump SELECT r.value ->> 'row', row_number() OVER (PARTITION BY r.id
                    ORDER BY v.id) - 1, v.value, v.type
                FROM json_each('[' || replace(trim(readfile('dump.json'), char(10)), char(10), ',')
                    || ']') AS r, json_each(r.value -> 'values') AS v
                WHERE r.value ->> 'row' >
                    (SELECT coalesce(rows_applied, 0) FROM weir_status('case/run.db'));" \
            "INSERT INTO pending SELECT p.row, v.key, v.value, v.type
                FROM weir_pending('case/run.db') AS p, json_each(p.\"values\") AS v;" \
            "SELECT count(*) FROM (SELECT * FROM pending EXCEPT SELECT * FROM dump);" \
            "SELECT count(*) FROM (SELECT * FROM dump WHERE type != 'null'
                EXCEPT SELECT * FROM pending);" \
            "SELECT count(*) FROM pending;"
        failed=$?
        case $(basename "$case") in # the inserted rows of a statement that fails are taken back
        rot | newer) [ "$failed" != 0 ] || fail "the journal is $(basename "$case")" ;;
        *)
            [ "$failed" = 0 ] || fail sql
            expect '0 0' "$(head -n 2 out | tr '\n' ' ' | sed 's/ $//')" "values that differ"
            values=$((values + $(tail -n 1 out)))
            agree case/run.db
            ;;
        esac
    done
    [ "$values" -gt 300 ] || fail "only $values values were compared"
}

waiting
closed
golden
python
mistakes
racing
rights
damaged
