title 'The journal is at another place than the program looks'
words 'wait in its journal at'
killed journal=fast apply=60000 add=1-40 applied add=41-50 durable
see 1 app
means 'The last time the program had another journal_directory, and rows wait there. Recover them from there,' \
    'and then start:'
type 1 recover --journal fast run.db
type 0 app add=51-60
now 'All rows are there.'
rows 1-60
