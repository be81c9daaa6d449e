title 'The journal is of a newer version'
words 'use a newer weir'
leave_rows
cp -a run.db-weir was
unchanged() { diff -rx lock was run.db-weir >"$top/out" || fail "something was changed"; }
again() { rm -rf run.db-weir was && cp -a sound run.db-weir && newer "$@" && cp -a run.db-weir was; }
cp -a run.db-weir sound
again "$(segment 1)" version
see 8 weir status run.db
see 1 app
unchanged
see 8 recover run.db
unchanged
see 8 weir salvage run.db
unchanged
again "$(segment 1)" feature
see 8 recover run.db
unchanged
again run.db-weir/ring version
see 8 recover run.db
unchanged
again run.db-weir/ring feature
see 8 recover run.db
see 1 app
unchanged
rm -rf run.db-weir && mv sound run.db-weir
sql run.db 'ALTER TABLE weir_position ADD COLUMN format INTEGER; UPDATE weir_position SET format = 2'
rm -rf was && cp -a run.db-weir was
see 8 weir status run.db
see 8 recover run.db
see 1 app
unchanged
means 'A newer weir wrote the journal or the database: somebody went back to an older program, or has an' \
    'older tool in the PATH (weir --version). Nothing was changed. Install the newer version again: it goes on' \
    'where it was. Before one goes back for good, OPERATING.md says under "Upgrading" what to do.'
now 'With the version that wrote it, every row is there.'
sql run.db 'UPDATE weir_position SET format = 1'
"$WEIR_RECOVER" run.db >/dev/null 2>&1 || [ $? = 1 ] || fail "recover"
rows 1-60
