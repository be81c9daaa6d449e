title 'A server that gets the rows too is away'
words 'no row comes'
start sink=server add=1-20 applied
stuck() { "$WEIR_TOOL" status run.db | grep -q 'no row comes'; }
await stuck
see 0 weir status run.db
means 'A sink beside the database, here a PostgreSQL server, cannot be reached. Nobody who appends waits for' \
    'it, and the database has its rows; those that the server lacks stay in the journal. Bring the server' \
    'back: the program asks for it again and again, and nothing is to be typed. If it will be away for long,' \
    'look at the bytes that stay for it, and at what happens at its limit.'
mkdir server
got() { "$WEIR_TOOL" status run.db | grep -q 'rows up to 20, 0 wait'; }
await got
halt
type 0 weir status run.db
now 'The server has every row, once, and so has the database.'
rows 1-20
[ "$(cat server/rows)" = 1-20 ] || fail "the server has $(cat server/rows)"
