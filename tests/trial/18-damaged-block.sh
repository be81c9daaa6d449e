title 'A block in the middle is damaged'
words 'the payload does not match its hash'
blocks
cp "$(segment 1)" sound
flip "$(segment 1)" $((4096 * 5 + 200))
see 4 weir status run.db
see 1 app
see 4 recover run.db
means 'Bytes that were synced have changed: a disk, a controller, somebody. The rows of the block are' \
    'named. With a sound copy of the file, put it back and open. Without one:'
type 4 weir salvage --dry-run run.db
type 4 weir salvage run.db
! grep -q '(weir salvage run.db)' "$top/out" || fail "salvage advises salvage"
now 'All other rows are applied, the loss is recorded in the table weir_loss, and the program starts.'
app add=61-62 || fail "opening after salvage"
rows 11-19 21-29 41-49 51-59 61-62
note 'If a copy is found later:'
play 0 cp sound "$(segment 1)"
play 1 weir salvage --undo run.db
rows 11-19 21-29 31-39 41-49 51-59 61-62
