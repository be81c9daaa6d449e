title 'The file system is read-only'
words 'mount its file system for writing'
small_disk 12
leave_rows
mount -o remount,ro "$PWD" || skip "cannot remount"
see 1 app
see 8 recover run.db
means 'The kernel mounts a file system read-only after errors (dmesg says so), or somebody did. Nothing was changed.'
type 0 mount -o remount,rw "$PWD"
type 1 recover run.db
now 'Every row is in the database, once.'
rows 1-60
