title 'The disk is full, while it runs'
words 'No space left on device'
small_disk 40
start add=1-10 applied when=../full wide=11-80
await has 10
dd if=/dev/zero of=ballast bs=64k 2>/dev/null
touch ../full
await said 'No space'
await said 'disk is full'
await waits
see 0 log
see 23 weir status --check run.db
means 'The file system has no space. Rows that the program could append are safe; when the ring is full,' \
    'appends wait, and answer "full" after full_timeout_ms (10 s). Make room:'
type 0 rm ballast
await has 80
halt
now 'It goes on by itself, and no row is missing.'
rows 1-80
