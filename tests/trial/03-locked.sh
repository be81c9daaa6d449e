title 'Another program locks the database, while it runs'
words 'database is locked'
start add=1-10 applied when=locked add=11-20 durable
await has 10
lock
touch locked
await said locked
await waits
see 0 log
see 0 weir status run.db
means 'Another connection has a transaction open. Appends go on: rows are in the journal and wait.' \
    'Nothing is lost, however long it takes; the journal grows meanwhile.' \
    'Find who it is, and end its transaction.'
note 'fuser -v run.db names the processes that have it open.'
unlock
await has 20
halt
now 'The rows that waited are applied by themselves.'
rows 1-20
