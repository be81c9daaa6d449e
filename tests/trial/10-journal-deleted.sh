title 'The journal was deleted, with nothing in it'
words 'no_journal'
app add=1-20
rm -r run.db-weir
see 0 weir status run.db
means 'It was closed with every row applied, so it had nothing that the database has not.' \
    'Start the program: a new journal begins.'
app add=21-30 || fail opening
now 'All rows are in the database, and status names the new journal.'
rows 1-30
