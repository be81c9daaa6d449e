title 'Another program locks the database, at recovery'
words 'takes no rows'
leave_rows
lock
see 8 recover --wait 1 run.db
means 'Another connection has a transaction open. Nothing was lost or changed. End its transaction, and try again' \
    '(without --wait it waits for 60 s).'
unlock
type 1 recover run.db
now 'Every row is in the database, once.'
rows 1-60
