title 'The disk is full, while it runs'
words 'No space left'
small_disk 12
app add=1-10 applied
start open=60000 add=11-20 durable
await has 20
dd if=/dev/zero of=ballast bs=1M 2>/dev/null
kill $pid; wait $pid
start wide=21-120
await [ -s app.log ]
see 0 log
see 0 weir status run.db
means 'The file system has no space. Make room: rows that were taken wait meanwhile.'
type 0 rm ballast
await has 120
halt
now 'It goes on by itself.'
rows 1-120
