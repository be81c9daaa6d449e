title 'The program is stopped (SIGSTOP), and holds the journal'
words 'which applies its rows'
start apply=60000 add=1-10 applied add=11-20
await has 10
kill -STOP $pid
see 0 weir status run.db
see 8 recover run.db
means 'The process is there and does nothing: a debugger, Ctrl-Z, a frozen container. Nobody else can take' \
    'its journal meanwhile. Look at its state, and let it go on, or kill it and recover.'
shown='ps -o s= -p 4711'
type 0 ps -o s= -p $pid # T: stopped
kill -9 $pid && wait $pid 2>/dev/null
note '    $ kill -9 4711'
type 1 recover run.db
now 'Every row is in the database, once.'
rows 1-20
