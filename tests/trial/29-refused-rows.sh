title 'SQLite refuses rows'
words 'see the table weir_reject'
sql run.db 'CREATE TABLE trades(n INTEGER CHECK (n < 15), note TEXT)'
see 0 app add=1-20
see 20 weir status --check --max-rejects 0 run.db
see 0 weir rejects list run.db
means 'A constraint refuses them. They are kept in weir_reject. Mend the schema, then'
type 0 sqlite3 run.db 'ALTER TABLE trades RENAME TO o; CREATE TABLE trades(n INTEGER, note TEXT); INSERT INTO trades SELECT * FROM o; DROP TABLE o'
type 0 weir rejects retry run.db
now 'Each is in the table, once.'
rows 1-20
