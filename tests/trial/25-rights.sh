title 'The program may not write the database'
words 'read-only'
[ "$(id -u)" = 0 ] || skip "needs root, to be another user"
other() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
leave_rows
chmod 644 run.db* run.db-weir/* && chmod 755 . run.db-weir
as_www() { "$WEIR_RECOVER" run.db; }
see 8 other "$WEIR_RECOVER" run.db
means 'Files of another user.'
type 1 recover run.db
now 'ok.'
rows 1-60
