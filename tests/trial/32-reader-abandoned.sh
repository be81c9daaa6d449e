title 'A named reader was abandoned, and the journal grows'
words 'bytes are kept for it'
app wide=1-5
"$WEIR_TOOL" dump --reader gone --limit 2 run.db >/dev/null 2>&1
app wide=6-60
see 0 weir readers list run.db
see 0 weir status run.db
means 'A named reader holds applied segments back until it has read them, up to its limit.' \
    'If nobody reads under that name any more:'
type 0 weir readers forget run.db gone
app add=61-62
now 'What was kept for it goes when the program has applied more rows. The database has every row.'
rows 1-62
