#compdef weir weir-recover
# zsh completion for weir and weir-recover; written by `weir completion zsh`.
local context state state_descr line verb
typeset -A opt_args
local -a verbs
verbs=(
    'status:say what is there\: rows, ring, verdict, damage'
    'verify:read every byte, and name what is damaged'
    'watch:show lanes, rates, lag and disk as they change'
    'report:write one HTML page that shows all of it'
    'metrics:write figures as OpenMetrics text, for Prometheus'
    'check:try whether a PostgreSQL server can be relied on'
    'dump:write the journal'\''s rows as NDJSON or CSV'
    'symbols:print the crashes that the database'\''s log tells'
    'recover:bring the database up to date from its journal'
    'replay:apply a journal, archive included, to another database'
    'salvage:recover past damage, and name the rows that are lost'
    'forget:accept the database as it is, begin a new journal'
    'rejects:more'
    'backup:copy database and journal as of one moment, and verify it'
    'archive:more'
    'readers:more'
    'detach:let a sink'\''s rows wait in the archive, not in the journal'
    'aside:more'
    'completion:write what a shell completes verbs and options with'
)
_arguments -C '1:verb:->verb' '*::operand:->rest'
if [[ $state == verb ]]; then
    _describe verb verbs
    return
fi
verb=$line[1]
if [[ $verb == rejects ]]; then
    if ((CURRENT == 2)); then
        verbs=(
    'list:list the rows that SQLite refused'
    'retry:insert refused rows again, once each'
    'drop:delete refused rows that nobody wants'
        )
        _describe verb verbs
        return
    fi
    verb="$verb $words[2]"
    shift words
    ((CURRENT--))
fi
if [[ $verb == archive ]]; then
    if ((CURRENT == 2)); then
        verbs=(
    'list:list the archived segments\: rows, bytes, times'
    'pack:make archived segments small, column by column'
    'prune:delete the oldest archived segments, up to a bound'
    'push:send what is durable to S3-compatible storage'
    'restore:make a database from what was pushed'
        )
        _describe verb verbs
        return
    fi
    verb="$verb $words[2]"
    shift words
    ((CURRENT--))
fi
if [[ $verb == readers ]]; then
    if ((CURRENT == 2)); then
        verbs=(
    'list:name the readers, how far they are, what they hold back'
    'forget:remove a reader\: nothing is kept for it any more'
        )
        _describe verb verbs
        return
    fi
    verb="$verb $words[2]"
    shift words
    ((CURRENT--))
fi
if [[ $verb == aside ]]; then
    if ((CURRENT == 2)); then
        verbs=(
    'list:say which damaged segments are kept, and which are needed'
    'drop:delete damaged segments that nobody needs any more'
        )
        _describe verb verbs
        return
    fi
    verb="$verb $words[2]"
    shift words
    ((CURRENT--))
fi
case $verb in
'status')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--archive[Include the archived segments]' \
        '--schema=[The schema of the server'\''s tables (default\: the first of search_path)]:schema:_files' \
        '--check[One line for a monitor; what is wrong has an exit code of its own]' \
        '--max-waiting=[With --check\: so many rows may wait]:max-waiting:_files' \
        '--max-lag=[With --check\: the oldest row may wait for less than this]:max-lag:_files' \
        '--max-rejects=[With --check\: so many rows in weir_reject are known of]:max-rejects:_files' \
        '--min-free=[With --check\: so much disk must be free (default\: a segment)]:min-free:_files' \
        '--to=[Say how far this PostgreSQL server has applied the journal\: postgresql\://USER@HOST/DATABASE]:to:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'verify')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--archive[Include the archived segments]' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'watch')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--interval=[From one look to the next (default 1)]:interval:_files' \
        '--count=[End after so many looks]:count:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'report')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--output=[Where the page goes; - is standard output]:output:_files' \
        '--values[Put values on the page too\: of some rows around each damage, and of the last rejects]' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'metrics')
    _arguments \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--output=[Write the metrics there, aside first, and rename the file]:output:_files' \
        '--interval=[With --output\: write them again and again]:interval:_files' \
        '--format=[openmetrics, or prometheus\: the older text format 0.0.4, which is the default with --output]:format:_files' \
        '--listen=[Serve the metrics at http\://ADDRESS\:PORT/metrics; \[\:\:1\]\:PORT for IPv6 (by weir-exporter, a package of its own)]:listen:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'check')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--schema=[The schema of the server'\''s tables (default\: the first of search_path)]:schema:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'dump')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--archive[Include the archived segments]' \
        '--csv[Comma-separated values of one table, with a header line, instead of NDJSON]' \
        '*--table=[Rows of this table only; may be given again]:table:_files' \
        '--level=[Messages of this level and above only\: TRACE, DEBUG, INFO, WARN, ERROR or FATAL; rows of tables without a column level are left out]:level:_files' \
        '--match=[Rows only of which a text contains this\: plain bytes, no pattern, case included]:match:_files' \
        '--since=[Rows of blocks written from this moment on, YYYY-MM-DDTHH\:MM\:SS in UTC or @SECONDS since 1970]:since:_files' \
        '--until=[Rows of blocks written up to this moment]:until:_files' \
        '--after=[Rows after this place, which an earlier --cursor wrote]:after:_files' \
        '--cursor[Add to each line the place after it, and write the last place to stderr at the end]' \
        '--follow[Go on with rows as they become durable, also in a program that is started again, until Ctrl-C]' \
        '--ring[After the durable rows those that are in the ring of a process alone, marked as such]' \
        '--reader=[Go on where this reader was, and write down how far rows were written to stdout; a new name begins at the first row]:reader:_files' \
        '--hold=[With --reader\: so many bytes of segments may be held back for it]:hold:_files' \
        '--from=[First row number]:from:_files' \
        '--to=[Last row number]:to:_files' \
        '--limit=[At most so many rows]:limit:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'symbols')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'recover')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--adopt[Take the journal that --journal names, though the database knows only others]' \
        '--accept-gap[Go on after rows that have left the journal before this database had them\: they are recorded in its table weir_loss, and those that follow are applied]' \
        '--wait=[Give up after so long without progress, for example while another program locks the database (default 60)]:wait:_files' \
        '*--load=[Load an SQLite extension, FILE or FILE\:ENTRYPOINT, whose functions, collations or modules the schema uses; may be given again]:load:_files' \
        '--dry-run[Say how many rows would be applied and lost, with the exit status that the real run would have, and change nothing]' \
        '--integrity=[Check the resulting database with SQLite'\''s quick_check (quick) or integrity_check (full), which read all of it; none is the default]:integrity:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'replay')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--to=[Last row number]:to:_files' \
        '--into=[The database to fill, created if it does not exist; or a PostgreSQL server, postgresql\://USER@HOST/DATABASE]:into:_files' \
        '--schema=[The schema of the server'\''s tables (default\: the first of search_path)]:schema:_files' \
        '--until=[No blocks written after this moment, YYYY-MM-DDTHH\:MM\:SS in UTC or @SECONDS since 1970]:until:_files' \
        '--skip-damage[Go on after damaged blocks; their rows are missing, and reported]' \
        '--wait=[Give up after so long without progress, for example while another program locks the database (default 60)]:wait:_files' \
        '*--load=[Load an SQLite extension, FILE or FILE\:ENTRYPOINT, whose functions, collations or modules the schema uses; may be given again]:load:_files' \
        '--dry-run[Say how many rows would be applied and lost, with the exit status that the real run would have, and change nothing]' \
        '--integrity=[Check the resulting database with SQLite'\''s quick_check (quick) or integrity_check (full), which read all of it; none is the default]:integrity:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'salvage')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--adopt[Take the journal that --journal names, though the database knows only others]' \
        '--wait=[Give up after so long without progress, for example while another program locks the database (default 60)]:wait:_files' \
        '*--load=[Load an SQLite extension, FILE or FILE\:ENTRYPOINT, whose functions, collations or modules the schema uses; may be given again]:load:_files' \
        '--dry-run[Say how many rows would be applied and lost, with the exit status that the real run would have, and change nothing]' \
        '--integrity=[Check the resulting database with SQLite'\''s quick_check (quick) or integrity_check (full), which read all of it; none is the default]:integrity:_files' \
        '--to=[Touch nothing that is there, and fill this new database with all that can be read of the old database and of the journal]:to:_files' \
        '--undo[Bring in the rows that an earlier salvage had to leave out, now that a sound copy of their segment is there]' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'forget')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--adopt[Take the journal that --journal names, though the database knows only others]' \
        '--yes[Also when the journal has rows that the database does not have; they stay there]' \
        '--wait=[Give up after so long without progress, for example while another program locks the database (default 60)]:wait:_files' \
        '--dry-run[Say what would be done, and change nothing]' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'rejects list')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--table=[Refused rows of this table only]:table:_files' \
        '*--id=[The refused row of this id; may be given again]:id:_files' \
        '--match=[Refused rows whose values or reason contain this text]:match:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'rejects retry')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--table=[Refused rows of this table only]:table:_files' \
        '*--id=[The refused row of this id; may be given again]:id:_files' \
        '--match=[Refused rows whose values or reason contain this text]:match:_files' \
        '--wait=[Give up after so long without progress, for example while another program locks the database (default 60)]:wait:_files' \
        '*--load=[Load an SQLite extension, FILE or FILE\:ENTRYPOINT, whose functions, collations or modules the schema uses; may be given again]:load:_files' \
        '--dry-run[Say what would be done, and change nothing]' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'rejects drop')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--table=[Refused rows of this table only]:table:_files' \
        '*--id=[The refused row of this id; may be given again]:id:_files' \
        '--match=[Refused rows whose values or reason contain this text]:match:_files' \
        '--all[Every refused row]' \
        '--wait=[Give up after so long without progress, for example while another program locks the database (default 60)]:wait:_files' \
        '*--load=[Load an SQLite extension, FILE or FILE\:ENTRYPOINT, whose functions, collations or modules the schema uses; may be given again]:load:_files' \
        '--dry-run[Say what would be done, and change nothing]' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'backup')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--wait=[Give up after so long without progress, for example while another program locks the database (default 60)]:wait:_files' \
        '--integrity=[SQLite'\''s check of the copy\: none, quick (the default) or full]:integrity:_files' \
        '--dry-run[Say what would be copied, and copy nothing]' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'archive list')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'archive pack')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--dry-run[Change nothing; say what would be packed]' \
        '--keep-plain=[Leave the newest N segments as they are (default 0)]:keep-plain:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'archive prune')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--keep-bytes=[Delete the oldest files until no more than this is left]:keep-bytes:_files' \
        '--keep-rows=[Delete the oldest files, but keep so many of the newest archived rows]:keep-rows:_files' \
        '--max-age=[Delete files whose last block was written longer ago]:max-age:_files' \
        '--passed[Delete files that every named reader has passed]' \
        '--pushed=[Delete only what stands in that store, s3\://BUCKET/PREFIX]:pushed:_files' \
        '--dry-run[Change nothing; say what would be deleted]' \
        '--endpoint=[Address of the S3 server, for example http\://127.0.0.1\:9000 (default\: $AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL, or that of AWS)]:endpoint:_files' \
        '--region=[Region of the bucket (default\: $AWS_REGION, or us-east-1)]:region:_files' \
        '--timeout=[Try again after so long without an answer or a byte (default 30)]:timeout:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'archive push')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--endpoint=[Address of the S3 server, for example http\://127.0.0.1\:9000 (default\: $AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL, or that of AWS)]:endpoint:_files' \
        '--region=[Region of the bucket (default\: $AWS_REGION, or us-east-1)]:region:_files' \
        '--timeout=[Try again after so long without an answer or a byte (default 30)]:timeout:_files' \
        '--every=[Go on pushing, with such pauses, until SIGTERM or Ctrl-C]:every:_files' \
        '--whole[Send only segments that are whole, and not what is durable of the youngest one]' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'archive restore')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--to=[Last row number]:to:_files' \
        '--into=[The database to fill; created if it does not exist]:into:_files' \
        '--until=[No blocks written after this moment, YYYY-MM-DDTHH\:MM\:SS in UTC or @SECONDS since 1970]:until:_files' \
        '--skip-damage[Go on after damaged blocks; their rows are missing, and reported]' \
        '--wait=[Give up after so long without progress, for example while another program locks the database (default 60)]:wait:_files' \
        '*--load=[Load an SQLite extension, FILE or FILE\:ENTRYPOINT, whose functions, collations or modules the schema uses; may be given again]:load:_files' \
        '--endpoint=[Address of the S3 server, for example http\://127.0.0.1\:9000 (default\: $AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL, or that of AWS)]:endpoint:_files' \
        '--region=[Region of the bucket (default\: $AWS_REGION, or us-east-1)]:region:_files' \
        '--timeout=[Try again after so long without an answer or a byte (default 30)]:timeout:_files' \
        '--id=[Restore this journal, 32 hexadecimal digits, where the store has several]:id:_files' \
        '--keep-fetched[Leave what was fetched in FILE.restore]' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'readers list')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'readers forget')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'detach')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--forget[Let go of a sink that is detached\: the journal and its archive keep nothing for it any more]' \
        '--yes[With --forget\: also when rows are left that the sink does not have]' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'aside list')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'aside drop')
    _arguments \
        '--json[Write one JSON object per line]' \
        '--journal=[Use the journal there, not the one beside the database]:journal:_files' \
        '--all[Those too that are needed]' \
        '--dry-run[Say what would be deleted, and delete nothing]' \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
'completion')
    _arguments \
        '--help[Show this text; after a verb, what the verb does]' \
        '--usage[Show the options in short]' \
        '--version[Show the version]' \
        '*:file:_files'
    ;;
*) _files ;;
esac
