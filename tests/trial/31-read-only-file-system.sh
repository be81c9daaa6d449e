title 'The file system is read-only'
words 'its file system is mounted read-only'
small_disk 12
leave_rows
mount -o remount,ro "$PWD" || skip "cannot remount"
see 1 app
see 8 recover run.db
means 'The kernel mounts a file system read-only after errors (dmesg says so), or somebody did. Nothing was changed.'
remount=$(sed -n 's/.*mount it for writing: //p' "$top/out")
shown=$remount
type 0 sh -c "$remount"
type 1 recover run.db
now 'Every row is in the database, once.'
rows 1-60
