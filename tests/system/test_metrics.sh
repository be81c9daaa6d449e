# weir metrics: its text is OpenMetrics, and with --format prometheus what promtool accepts; it tells of
# a living, a killed and a closed program, disturbs none, and is served over HTTP.
set -eu
service=$WEIR_BINARY_DIR/examples/service
dir=$(mktemp -d)
pid='' exporter=''
trap 'kill $pid $exporter 2>/dev/null || :; rm -rf "$dir"' EXIT
cd "$dir"

fail() { echo "$*"; exit 1; }
value() { sed -n "s/^$1{[^}]*} //p" metrics; }
metrics() { "$WEIR_TOOL" metrics "$@" run.db >metrics; }
until_true() { # WHAT COMMAND …: within 20 s
    what=$1; shift
    for _ in $(seq 200); do "$@" && return 0; sleep 0.1; done
    fail "never: $what"
}
has_rows() { metrics && [ "$(value weir_rows_applied_total)" -ge 5 ]; } 2>/dev/null

# What the specification demands of an exposition, as far as it concerns counters, gauges and histograms.
strict() {
    python3 - "$1" <<'PYTHON'
import re, sys
text = open(sys.argv[1], encoding="utf-8").read()
assert text.endswith("\n# EOF\n"), "no # EOF at the end"
seen, family, metadata, buckets = set(), None, {}, {}
for line in text[:-len("# EOF\n")].splitlines():
    if found := re.fullmatch(r"# (TYPE|UNIT|HELP) ([a-z_]+) (.+)", line):
        key, name, rest = found.groups()
        if name != family:
            assert name not in seen, f"{name} comes twice"
            seen.add(name); family = name; metadata = {}
        assert key not in metadata, line
        metadata[key] = rest
        if key == "TYPE": assert rest in ("counter", "gauge", "histogram"), line
        if key == "UNIT": assert name.endswith("_" + rest), line
        continue
    found = re.fullmatch(r'([a-z_]+)\{([a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*)\} ([0-9.]+)', line)
    assert found, f"no metric: {line}"
    assert {"TYPE", "HELP"} <= set(metadata), f"{family} lacks something"
    suffix = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}[metadata["TYPE"]]
    assert found[1] in [family + s for s in suffix], line
    if found[1].endswith("_bucket"):
        labels, end = re.fullmatch(r'(.*),le="(.*)"', found[2]).groups()
        buckets.setdefault((family, labels), []).append((float(end), int(found[3])))
    if found[1].endswith("_count"):
        ends, counts = zip(*buckets[family, found[2]])
        assert list(ends) == sorted(set(ends)) and ends[-1] == float("inf"), family
        assert list(counts) == sorted(counts) and counts[-1] == int(found[3]), family
assert len(seen) > 20
PYTHON
}

"$service" run.db 2>said & pid=$!
until_true "rows of the service" has_rows
strict metrics || fail "not OpenMetrics"
[ "$(value weir_up)" = 1 ] || fail "weir_up of a running program"
[ "$(value weir_database_usable)" = 1 ] || fail "weir_database_usable"
grep -q 'weir_apply_status{.*status="WEIR_OK"} 1' metrics || fail "weir_apply_status"

# A label is escaped.
mkdir 'a"b\c'
ln -s "$dir/run.db-weir" 'a"b\c/run.db-weir'
"$WEIR_TOOL" metrics 'a"b\c/run.db-weir' >escaped
strict escaped || fail "not OpenMetrics: a path with a quote"
grep -q 'a\\"b\\\\c/run.db-weir"' escaped || fail "the quote is not escaped"

# A file for node_exporter, again and again, never half.
"$WEIR_TOOL" metrics --output run.prom --interval 1 run.db & exporter=$!
until_true "the file" [ -s run.prom ]
grep -q '^# TYPE weir_rows_published_total counter' run.prom || fail "not the format of Prometheus"
first=$(sed -n 's/^weir_rows_published_total{.*} //p' run.prom)
newer() { [ "$(sed -n 's/^weir_rows_published_total{.*} //p' run.prom)" -gt "$first" ]; }
until_true "the file is written again" newer
kill $exporter; wait $exporter 2>/dev/null || :
exporter=''
[ "$(ls run.prom*)" = run.prom ] || fail "something is left aside: $(ls run.prom*)"
if command -v promtool >/dev/null; then
    promtool check metrics <run.prom >promtool 2>&1 || { cat promtool; fail "promtool complains"; }
else
    echo "promtool is not installed: its check is left out"
fi

if [ -x "$WEIR_BINARY_DIR/recovery/weir-exporter" ]; then
    "$WEIR_TOOL" metrics --listen 127.0.0.1:0 run.db >address & exporter=$!
    until_true "the exporter listens" [ -s address ]
    url=$(cat address)
    curl -sS -D head "$url" >metrics
    grep -q '^Content-Type: application/openmetrics-text; version=1.0.0' head || fail "$(cat head)"
    strict metrics || fail "not OpenMetrics over HTTP"
    [ "$(curl -s -o /dev/null -w '%{http_code}' "${url%metrics}other")" = 404 ] || fail "no 404"
    [ "$(curl -s -o /dev/null -w '%{http_code}' -X POST "$url")" = 405 ] || fail "no 405"
else
    echo "weir-exporter is not built: HTTP is left out"
fi

# The program dies, and its figures stay; over HTTP too.
kill -9 $pid; wait $pid 2>/dev/null || :
pid=''
metrics
strict metrics || fail "not OpenMetrics after a kill"
[ "$(value weir_up)" = 0 ] || fail "weir_up of a killed program"
[ "$(value weir_rows_applied_total)" -ge 5 ] || fail "rows of a killed program"
[ -z "$exporter" ] || { curl -sS "$url" >metrics; [ "$(value weir_up)" = 0 ]; } || fail "weir_up over HTTP"
[ -z "$exporter" ] || { kill $exporter; wait $exporter || fail "the exporter ends with $?"; }
exporter=''

status=0
"$WEIR_TOOL" metrics --format xml run.db 2>said || status=$?
[ $status = 16 ] || fail "a format that is none: exit $status"
status=0
"$WEIR_TOOL" metrics none.db 2>said || status=$?
[ $status = 8 ] || fail "no journal: exit $status"
