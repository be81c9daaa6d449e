title 'A column was renamed under the program'
words 'other columns than declared'
start add=1-10 applied when=changed add=11-20 durable
await has 10
sql run.db 'ALTER TABLE trades RENAME COLUMN n TO number'
touch changed
await said 'other columns'
await waits
see 0 log
see 0 weir status run.db
see 21 weir status --check run.db
means 'The table is not what the program declared. Rows wait in the journal, in their order.' \
    'Give the column its name again (or start a program that declares the new one):'
type 0 sqlite3 run.db 'ALTER TABLE trades RENAME COLUMN number TO n'
await has 20
halt
now 'The rows that waited are applied by themselves.'
rows 1-20
