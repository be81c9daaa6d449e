title 'The clock was set ahead, and back'
words 'the clock was behind that of rows before them'
app from=86400 add=1-10 durable
killed apply=60000 add=11-20 durable clock=172800 add=21-30 durable clock=-3600 add=31-40 durable
see 24 weir status --check --max-lag 60 run.db
see 0 weir dump --since @0 --until @1 run.db
means 'The clock was a day ahead in one run, and jumped within the next. Rows go by their numbers, so none' \
    'is lost or out of order. What goes by the clock may mislead until it is past the latest time: the lag' \
    'in seconds is 0 for rows from the future, dump --since and --until judge each block by its own time,' \
    'and weir_keep and an archive with an age count such rows as young. Set the clock right (timedatectl).'
type 1 recover run.db
now 'Every row is in the database, once, in the order in which they were appended.'
rows 1-40
play 0 sqlite3 run.db 'SELECT count(*) FROM trades WHERE n <> rowid'
