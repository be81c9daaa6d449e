title 'The disk is full, at opening'
words 'No space left on device'
small_disk 12
leave_rows
dd if=/dev/zero of=ballast bs=4k 2>/dev/null
see 1 app
see 0 weir status run.db
means 'The journal or the database cannot take its space. Nothing was changed. Make room, then start again.'
type 0 rm ballast
type 0 app
now 'Every row is there.'
rows 1-60
