title 'A segment was truncated'
words 'the block is damaged or cut off'
segments
truncate -s 300000 "$(segment 2)"
see 4 weir status run.db
means 'The file is shorter than it was (an incomplete copy, a file system that was repaired).' \
    'Without a sound copy:'
type 4 weir salvage run.db
now 'All rows that can be read are applied, and those that are lost are named.'
rows 1-20 33-50
