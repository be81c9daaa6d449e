title 'The end of the journal is damaged'
words 'go on and lose no other rows'
blocks
flip "$(segment 1)" $((4096 * 7 + 200))
see 4 weir verify run.db
means 'The last block had been synced, and cannot be read. With a sound copy of the file, put it back. Without one:'
type 4 weir salvage run.db
now 'All other rows are applied; what was lost is recorded.'
app add=61-62 || fail "opening after salvage"
rows 11-19 21-29 31-39 41-49 61-62
