#!/bin/sh
# backup.sh [FOLDER]: a job whose output is a table. What it says goes line by line through weir-log
# into the table "log" of FOLDER/jobs.db, and is kept whatever happens to the script or to weir-log.
# weir-log and weir-recover must be in the PATH, or be named by WEIR_LOG and WEIR_RECOVER.
set -eu
cd "${1:-.}"
log=${WEIR_LOG:-weir-log}
recover=${WEIR_RECOVER:-weir-recover}

# Any command that prints lines. <N> is a priority as in syslog: 3 is an error, 6 is information.
job() {
    echo "<6>backup begins"
    for file in letters photographs taxes; do
        [ "$file" = taxes ] && echo "<3>$file: permission denied" || echo "<6>$file: copied"
    done
    echo "<6>backup ends"
}

# 2>&1: error messages too. weir-log ends with its input, once all lines are in the database.
job 2>&1 | "$log" --prio-prefix --tag backup jobs.db

# The exit status says how it went: 0 every line is in the database, 1 kept but not applied yet.
# "status" changes nothing, and may be asked beside a running weir-log as well.
"$recover" status jobs.db

# It is a plain SQLite database.
echo "what went wrong:"
sqlite3 jobs.db "SELECT datetime(time_ns / 1000000000, 'unixepoch'), level, message
                   FROM log WHERE level IN ('ERROR', 'FATAL') ORDER BY time_ns"

# For monitoring: how many rows wait, as a number: those in the journal, up to its durable mark and
# above it, and those still in the ring. 0 here. One that grows means that SQLite is locked, or that
# nobody has opened the database since a crash.
"$recover" status --json jobs.db >status.json
waiting=$(sqlite3 :memory: "SELECT coalesce(json_extract(line, '\$.rows.waiting'), 0) +
                                   coalesce(json_extract(line, '\$.rows.above_mark'), 0) +
                                   coalesce(json_extract(line, '\$.ring.rows'), 0)
                              FROM (SELECT CAST(readfile('status.json') AS TEXT) AS line)")
echo "$waiting rows wait"
rm status.json

# After a crash somebody has to open the database: the next weir-log does, or this. Exit 0: there
# was nothing to do; 1: rows were recovered; more: something needs a person.
status=0
"$recover" jobs.db || status=$?
[ $status -le 1 ]
