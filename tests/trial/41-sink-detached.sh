title 'A sink was detached'
words 'it is detached, and'
start sink=server detach=1048576 wide=1-60 applied
detached() { "$WEIR_TOOL" status run.db | grep -q ': detached, '; }
await detached
halt
see 26 weir status --check run.db
see 0 weir status run.db
means 'More segments than its limit waited for a sink, so the journal let it go: what it lacks is in the' \
    'archive, and stays there for it. Nothing is lost while nobody removes those files.' \
    'Bring the server back, and start the program, which attaches the sink again under the same name:'
mkdir server
start sink=server detach=1048576 add=61-62 applied
got() { "$WEIR_TOOL" status run.db | grep -q 'rows up to 62, 0 wait'; }
await got
halt
type 0 weir status --check run.db
now 'The server has every row, once and in order: first those of the archive, then those of the journal.'
rows 1-62
[ "$(sed 's/.*-//' server/rows | tail -1)" = 62 ] || fail "the server has $(cat server/rows)"
next=1
while IFS=- read -r first last; do
    [ "$first" = $next ] || fail "after row $((next - 1)) the server has row $first"
    next=$((last + 1))
done <server/rows
