title 'The end of the journal is damaged'
words 'and no sound one follows'
blocks
rm run.db-weir/ring
flip "$(segment 1)" $((4096 * 5 + 200))
see 4 weir verify run.db
means 'The last block was promised, and cannot be read.'
type 4 weir salvage run.db
now 'All other rows are applied; what was lost is recorded.'
app add=61-62 || fail "opening after salvage"
rows 11-19 21-29 31-39 41-49 61-62
