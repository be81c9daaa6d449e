title 'A journal was copied in part'
words 'missing'
segments
mkdir copy && cp -a run.db run.db-wal copy/ && mkdir copy/run.db-weir
cp -a run.db-weir/segment-*1 run.db-weir/lock copy/run.db-weir/
cd copy
see 0 weir status run.db
means 'x'
type 1 recover run.db
now 'x'
