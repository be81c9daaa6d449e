title 'The -wal file was removed after a kill'
words 'the journal ends at row'
killed apply=60000 add=1-10 applied add=11-20 durable
rm run.db-wal run.db-shm
see 0 weir status run.db
means 'What SQLite had committed last was in -wal. The journal keeps rows until a checkpoint, so they are applied again.'
type 1 recover run.db
now 'Every row is there, once.'
rows 1-20
