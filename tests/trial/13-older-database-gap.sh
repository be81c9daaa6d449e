title 'An older backup was restored, and rows have left the journal'
words 'this one has applied up to row'
app add=1-10
cp run.db backup.db
app add=11-20
app add=21-30
mv backup.db run.db
see 1 app
see 4 weir status run.db
means 'Between the backup and the first row of the journal rows are missing. If there is a newer' \
    'database, put it back. Else go on without them:'
type 4 recover --accept-gap run.db
now 'What the journal had is applied; what is missing stands in the table weir_loss. To keep the' \
    'backup as it is, without those rows either: weir forget --yes run.db.'
rows 1-10 21-30
play 0 sqlite3 run.db 'SELECT first_row, last_row FROM weir_loss'
app add=31-32
rows 1-10 21-32
