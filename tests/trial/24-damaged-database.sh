title 'The database is damaged'
words 'fill a new one with all that can be read'
app wide=1-40
killed apply=60000 add=41-50 durable
rm -f run.db-wal run.db-shm
flip run.db 0
flip run.db 10
see 8 weir status run.db
see 1 app
means 'SQLite cannot read the database; the journal is not concerned. Put a backup of it back, or'
type 4 weir salvage --to new.db run.db
note 'The new file has all that could be read; new.db-salvage.json beside it lists what could not.'
now 'The old files are untouched.'
