# lnav takes share/lnav/weir.json, and shows a dump of the table log by it.
set -eu
command -v lnav >/dev/null || { echo "there is no lnav here"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HOME="$dir" TZ=UTC
lnav -i "$WEIR_SOURCE_DIR/share/lnav/weir.json" >/dev/null
lnav -C >checked 2>&1 || { cat checked; echo "lnav refuses the format"; exit 1; }

printf '%s\n' 'a plain line' 'another one' | "$WEIR_LOG" run.db
(ulimit -c 0; "$WEIR_BINARY_DIR/examples/survives_abort" one) 2>/dev/null && exit 1
"$WEIR_TOOL" dump --ring --table log --level FATAL run.db >ring.json
grep -q '"ring":true' ring.json || { echo "the message is not in the ring"; exit 1; }
"$WEIR_RECOVER" run.db >recovered 2>&1 || [ $? = 1 ]
"$WEIR_TOOL" dump --table log --level FATAL run.db >log.json
[ -s log.json ] || { echo "no row of level FATAL"; exit 1; }
lnav -n log.json >shown
grep -q '^20..-..-.. ..:..:..\.[0-9]* FATAL the last words of ' shown ||
    { cat log.json shown; echo "lnav does not show the message"; exit 1; }
