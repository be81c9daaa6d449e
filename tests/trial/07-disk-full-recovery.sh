title 'The disk is full, at recovery'
words 'No space left on device'
small_disk 12
leave_rows
dd if=/dev/zero of=ballast bs=4k 2>/dev/null
see 8 recover --wait 1 run.db
means 'Recovery found no room. Nothing is lost: make room, and run it again.'
type 0 rm ballast
type 1 recover run.db
now 'Every row is in the database, once.'
rows 1-60
