title 'Database and journal of two copies were mixed'
words 'was written from another history of this journal'
app add=1-10
mkdir b && cp -a run.db run.db-weir b/
app add=11-20
(cd b && app add=111-120)
cp b/run.db run.db
see 1 app
see 4 weir status run.db
means 'One pair was copied, both copies went on, and now the database of one stands beside the journal' \
    'of the other. Put the pairs together again. Or keep this database:'
type 4 weir forget run.db
type 0 weir forget --yes run.db
now 'The database stays as it is; the journal of the other copy is kept beside it.'
app add=121-122
rows 1-10 111-122
