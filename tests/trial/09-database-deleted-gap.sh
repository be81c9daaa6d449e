title 'The database was deleted, and rows have left the journal'
words 'the database is not there; put the newest database back'
app add=1-20
app add=21-30
rm run.db
see 1 app
see 4 weir status run.db
means 'Rows leave the journal once the database has them, so it has only the newest. Best is a backup' \
    'of the database. Without one, keep what there is:'
type 4 recover --accept-gap run.db
now 'The rows that the journal had are in a new database, and the others are recorded as lost.'
rows 21-30
play 0 sqlite3 run.db 'SELECT first_row, last_row FROM weir_loss'
app add=31-40
rows 21-40
