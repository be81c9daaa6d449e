title 'The database was renamed, the journal was not'
words 'journal_missing'
leave_rows
mv run.db trades.db
mv run.db-wal trades.db-wal
rm run.db-shm
see 4 weir status trades.db
means 'A journal is found by its name beside the database. The journal of trades.db is trades.db-weir. Rename it too (with -wal, before anything opens it).'
type 0 mv run.db-weir trades.db-weir
type 1 recover trades.db
now 'Every row is in the database, once.'
rows of trades.db 1-60
