title 'A named reader was abandoned, and the journal grows'
words 'behind'
app wide=1-5
"$WEIR_TOOL" dump --reader gone --limit 2 run.db >/dev/null 2>&1
app wide=6-60
see 0 weir readers list run.db
see 0 weir status run.db
means 'A reader keeps segments. If it is gone for good:'
type 0 weir readers forget run.db gone
app add=61-62
now 'The segments go at the next release.'
rows 1-62
