title 'Two programs at once'
words 'has the journal open'
start add=1-10 applied
await has 10
see 1 app
see 8 recover run.db
see 0 weir status run.db
means 'One process at a time appends to a database. The message names it. If it should not run, stop it:'
note 'kill 4711'
halt || fail halt
type 0 app add=11-20
now 'The second one runs.'
rows 1-20
