title 'The header of a segment is damaged'
words 'header'
segments
flip "$(segment 2)" 20
see 4 weir status run.db
see 4 recover run.db
means 'The first bytes of a file changed; its blocks may be sound.'
type 4 weir salvage run.db
now 'Everything that can be read is applied.'
