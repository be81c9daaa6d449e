title 'The header of a segment is damaged'
words 'its header is damaged'
segments
flip "$(segment 2)" 20
see 4 weir status run.db
see 4 recover run.db
means 'The first bytes of a file changed; its blocks can be read all the same.'
type 1 weir salvage run.db
now 'Every row is in the database, once.'
rows 1-50
