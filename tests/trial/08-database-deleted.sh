title 'The database was deleted'
words 'the database is not there, though its journal has rows'
app add=1-20
rm run.db
see 1 app
see 4 weir status run.db
means 'The file run.db is gone, and its journal still has all its rows. weir does not choose' \
    'whether they are to come back. To have them again:'
type 1 recover run.db
now 'The database is there with every row. To begin without them instead: weir forget --yes run.db,' \
    'which keeps the old journal aside.'
rows 1-20
