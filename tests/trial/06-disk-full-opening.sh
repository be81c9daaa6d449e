title 'The disk is full, when the program is started again'
words 'cannot allocate'
small_disk 12
leave_rows
dd if=/dev/zero of=ballast bs=4k 2>/dev/null
see 0 app
means 'The rows of the dead process came in by the space that the journal holds in reserve. Make room, so that it can go on.'
type 0 rm ballast
type 0 app add=61-70
now 'Every row is there.'
rows 1-70
