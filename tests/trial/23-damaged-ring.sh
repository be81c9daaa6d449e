title 'The ring is damaged'
words 'header is damaged'
leave_rows
flip run.db-weir/ring 8
see 4 weir status run.db
means 'Rows of a dead process were in the file, and it cannot be read. Those in the journal can.'
type 4 weir salvage run.db
now 'What the journal has is applied, and the loss is recorded. The ring is kept aside.'
rows 1-50
play 0 sqlite3 run.db 'SELECT why FROM weir_loss'
app add=61-62 || fail "opening after salvage"
rows 1-50 61-62
