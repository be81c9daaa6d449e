title 'The file system is read-only'
words 'Read-only file system'
small_disk 12
leave_rows
mount -o remount,ro "$PWD" || skip "cannot remount"
see 1 app
see 8 recover run.db
means 'The kernel mounts a file system read-only after errors, or somebody did.'
type 0 mount -o remount,rw "$PWD"
type 1 recover run.db
now 'Every row is there.'
rows 1-60
