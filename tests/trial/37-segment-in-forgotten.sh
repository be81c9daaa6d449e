title 'A segment is missing, and stands in a journal that was set aside'
words 'a copy stands elsewhere'
segments
mkdir run.db-weir-forgotten-1
mv "$(segment 2)" run.db-weir-forgotten-1/
see 4 weir status run.db
means 'A file of the journal is missing, and one of that number and that journal was found where the tools' \
    'put files aside. Copy it back:'
copy=$(sed -n 's/.*put it back: //p' "$top/out")
shown=$copy
type 0 sh -c "$copy"
type 1 recover run.db
now 'Every row is there.'
rows 1-50
