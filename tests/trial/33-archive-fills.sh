title 'The archive fills the disk'
words 'would delete'
app archive=0 wide=1-100 applied
app archive=0 wide=101-110
see 0 weir archive list run.db
means 'archive = 1 keeps every segment for ever.'
type 0 weir archive prune --keep-bytes 2000000 --dry-run run.db
type 0 weir archive prune --keep-bytes 2000000 run.db
now 'The newest are kept; the database has every row.'
rows 1-110
