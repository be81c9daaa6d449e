title 'The wrong user: files that may not be written'
words 'the database is read-only, and weir needs to write to it'
words 'may not read it: run this as its owner, or as root'
words 'is the directory writable?'
[ "$(id -u)" = 0 ] || skip "needs root, to be another user"
other() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
leave_rows
chmod 644 run.db* run.db-weir/* && chmod 755 . run.db-weir
shown='weir-recover run.db'
see 8 other "$WEIR_RECOVER" run.db
chmod 600 run.db
shown='weir-recover run.db'
see 8 other "$WEIR_RECOVER" run.db
chmod 666 run.db
shown='weir-recover run.db'
see 8 other "$WEIR_RECOVER" run.db
chmod 777 . && chmod 666 run.db-wal run.db-shm
shown='weir-recover run.db'
see 8 other "$WEIR_RECOVER" run.db
chmod 755 . && chmod 644 run.db*
means 'The user has no right to the database, to its directory, or to the journal, which belongs to another' \
    'user. Nothing was changed. Run it as the owner of the files (the user of the service), or as root:' \
    'root leaves the files to their owner.'
type 1 recover run.db
now 'Every row is in the database, once.'
rows 1-60
