title 'A journal was copied in part'
words 'the journal ends here, below a durable mark'
segments
mkdir copy && cp -a run.db run.db-wal copy/ && mkdir copy/run.db-weir
cp -a run.db-weir/segment-*1 run.db-weir/lock run.db-weir/ring copy/run.db-weir/
cd copy
see 4 weir status run.db
means 'The copy ended early: the ring knows that more rows were durable than the segments have. Copy the rest:'
shown='cp -n ../run.db-weir/* run.db-weir/'
type 0 cp -n ../run.db-weir/segment-* run.db-weir/
type 1 recover run.db
now 'Every row is there. A copy without ring and without the newest segments looks like a shorter journal,' \
    'and nobody can tell: copy the whole directory, while nothing runs, or use weir backup.'
rows 1-50
