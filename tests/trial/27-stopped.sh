title 'The program is stopped (SIGSTOP), and holds the journal'
words 'open in   process'
start linger=60000 apply=60000 add=1-10 applied add=11-20 
await has 10
kill -STOP $pid
see 0 weir status run.db
see 8 recover run.db
means 'The process is there and does nothing (a debugger, Ctrl-Z, a frozen container). Let it go on:'
kill -CONT $pid
halt
now 'All rows are there.'
rows 1-20
