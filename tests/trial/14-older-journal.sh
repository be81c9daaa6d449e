title 'An older copy of the journal stands beside a newer database'
words 'the journal ends at row'
app add=1-10
cp -a run.db-weir older
app add=11-20
mv run.db-weir newest && mv older run.db-weir
see 1 app
see 4 weir status run.db
means 'The database has more than this journal. It is an older copy: put the newest one back. If' \
    'there is none, the database is whole as far as anybody knows:'
type 0 weir forget run.db
now 'The database stays as it is and a new journal begins; the old one is kept beside.'
app add=21-22
rows 1-22
