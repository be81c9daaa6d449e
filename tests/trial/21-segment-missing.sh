title 'A segment is missing'
words 'the segment is missing'
segments
mv "$(segment 2)" kept
see 4 weir status run.db
means 'A file of the journal was removed or not copied. If it is somewhere, put it back:'
type 0 mv kept "$(segment 2)"
type 1 recover run.db
now 'Every row is there. If the file is gone for good, weir salvage run.db goes on without its rows.'
rows 1-50
