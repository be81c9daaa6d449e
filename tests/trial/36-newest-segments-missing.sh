title 'The newest segments are missing, and there is no copy'
words 'no copy stands in archive or beside the journal'
segments
rm "$(segment 2)" "$(segment 3)" "$(segment 4)" 2>/dev/null
see 4 weir status run.db
see 1 app
means 'The ring knows that more rows were durable than the segments have: the last files of the journal are' \
    'gone, or this is an older copy of it. Rows that the database has are safe; the others stand in those files' \
    'and nowhere else. Look for the files in backups of the directory. If there is none:'
type 4 weir salvage --dry-run run.db
type 4 weir salvage run.db
now 'Every row of the files that are here is applied; those of the missing files are lost, and named in weir_loss.'
rows 1-16
play 0 sqlite3 run.db 'SELECT first_row, last_row FROM weir_loss'
app add=61-62 || fail "opening after salvage"
rows 1-16 61-62
