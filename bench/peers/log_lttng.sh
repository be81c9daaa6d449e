#!/bin/sh
# log_lttng.sh PROGRAM DIRECTORY BURSTS PAUSE_NS: weir-bench-log-lttng, its events recorded into
# DIRECTORY, which is removed. Where no session daemon runs, one is started, and stopped again.
# Exit 1: LTTng does not run here, or lost events.
set -eu
program=$1 directory=$2 session=weir-bench-$$ daemon=''

client() { lttng --no-sessiond --quiet "$@" >/dev/null 2>&1; }

finish() {
    client destroy "$session" || :
    [ -z "$daemon" ] || { kill "$daemon" && wait "$daemon"; } 2>/dev/null || :
    rm -rf "$directory"
}

start_daemon() {
    lttng-sessiond --no-kernel --quiet >/dev/null 2>&1 &
    daemon=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        sleep 0.3
        if client list; then return 0; fi
    done
    return 1
}

command -v lttng >/dev/null && command -v lttng-sessiond >/dev/null
trap finish EXIT
trap 'exit 1' INT TERM HUP
client list || start_daemon
client create "$session" --output="$directory"
client enable-channel --userspace bench --subbuf-size=1M --num-subbuf=8
client enable-event --userspace --channel=bench weir_bench:filled
client add-context --userspace --channel=bench --type=vtid
client start
figures=$("$program" "$3" "$4")
client stop
lost=$(lttng --no-sessiond list "$session" | sed -n 's/^ *Discarded events: *//p')
[ "$lost" = 0 ] || { echo "log_lttng.sh: LTTng lost ${lost:-unknown} events" >&2; exit 1; }
printf '%s\n' "$figures"
