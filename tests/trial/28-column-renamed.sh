title 'A column was renamed under the program'
words 'other columns than declared'
start add=1-10 applied
await has 10
sql run.db 'ALTER TABLE trades RENAME COLUMN n TO number'
halt
see 1 app
means 'x'
type 0 sql run.db 'ALTER TABLE trades RENAME COLUMN number TO n'
type 0 app add=11-20
now 'x.'
rows 1-20
