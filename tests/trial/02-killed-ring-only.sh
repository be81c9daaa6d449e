title 'Killed, with rows only in the ring'
words 'wait in it'
killed add=1-50
see 0 weir status run.db
means 'The rows were published, and no sync had come yet. They are in the file ring, which the' \
    'kernel keeps while the machine runs: recover before you reboot.'
type 1 recover run.db
now 'All of them are in the database, once.'
rows 1-50
