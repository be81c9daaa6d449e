title 'The program was killed'
words 'rows of a former process'
leave_rows
see 0 weir status run.db
means 'The process died without closing (SIGKILL, OOM, a crash). What it had appended is safe: in the' \
    'database, in the journal, or in the ring. Start the program: opening recovers. Or, without it:'
type 1 recover run.db
now 'Every row that was appended is in the database, once. Exit status 1 says that rows were recovered.'
rows 1-60
