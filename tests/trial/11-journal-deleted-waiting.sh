title 'The journal was deleted, with rows waiting'
words 'may be missing'
leave_rows
cp -a run.db-weir elsewhere
rm -r run.db-weir
see 4 weir status run.db
means 'The process was killed, so rows may have waited in the journal. If it was moved, put it back:'
type 0 mv elsewhere run.db-weir
type 1 recover run.db
now 'Every row is there. If the journal is gone for good, or this is a copy of the database that was made' \
    'while a program used the original: weir forget run.db accepts that, and the database says afterwards' \
    'which rows may be missing.'
rows 1-60
rm -r run.db-weir
sql run.db "UPDATE weir_position SET closed = 0"
"$WEIR_TOOL" forget run.db >"$top/out" 2>&1 || fail forget
"$WEIR_TOOL" status run.db >"$top/out" || fail status
app add=61-62 || fail opening
rows 1-62
