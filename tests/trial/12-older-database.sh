title 'An older backup of the database was restored'
words 'rows are not in the database yet'
app apply=60000 add=1-10 applied
cp run.db backup.db
killed apply=60000 add=11-30 applied add=31-40 durable
rm run.db-wal run.db-shm
mv backup.db run.db
see 0 weir status run.db
means 'The journal still has the rows since that backup. Start the program, or:'
type 1 recover run.db
now 'The database is as new as the journal.'
rows 1-40
