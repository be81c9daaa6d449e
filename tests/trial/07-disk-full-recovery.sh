title 'The disk is full, at recovery'
words 'bytes are free, and the journal needs'
small_disk 12
leave_rows
dd if=/dev/zero of=ballast bs=4k 2>/dev/null
see 24 weir status --check run.db
means 'No space is left, and rows wait. The journal holds space in reserve for this: recover as usual.'
type 1 recover run.db
now 'Every row is in the database, once. Make room before you start the program.'
rows 1-60
