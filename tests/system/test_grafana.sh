# The dashboard in docs/grafana is JSON, its panels have expressions, and these use no metric that `weir metrics`
# does not write. A rename on either side fails here.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

echo "a line" | "$WEIR_LOG" "$dir/run.db" >/dev/null
"$WEIR_TOOL" metrics "$dir/run.db" >"$dir/metrics"

cat >"$dir/check.py" <<'END'
import json
import re
import sys

written = set(re.findall(r"^(weir_\w+)[{ ]", open(sys.argv[1]).read(), re.M))
# Of a journal without sinks only their families are written.
written |= set(re.findall(r"^# TYPE (weir_sink_\w+) gauge$", open(sys.argv[1]).read(), re.M))
board = json.load(open(sys.argv[2]))
queries = [t["expr"] for panel in board["panels"] for t in panel["targets"]]
queries += [v["query"]["query"] for v in board["templating"]["list"] if v["type"] == "query"]
used = set(re.findall(r"\bweir_\w+", " ".join(queries)))
places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
wrong = [f"{name}: no metric of that name is written" for name in sorted(used - written)]
wrong += [f"{panel['title']}: no expression" for panel in board["panels"] if not panel["targets"]]
for i, (x, y, w, h) in enumerate(places):
    wrong += [f"{board['panels'][i]['title']}: out of the grid"] * (x + w > 24)
    wrong += [f"{board['panels'][i]['title']}: over another panel" for a, b, c, d in places[:i]
              if x < a + c and a < x + w and y < b + d and b < y + h]
if len(used) < 20:
    wrong.append(f"only {len(used)} metrics are shown")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
END
python3 "$dir/check.py" "$dir/metrics" "$WEIR_SOURCE_DIR/docs/grafana/weir.json"

# Prometheus takes them: as rules, with what Grafana puts in filled in.
if command -v promtool >/dev/null; then
    cat >"$dir/rules.py" <<'END'
import json
import sys

board = json.load(open(sys.argv[1]))
queries = [t["expr"].replace("$__rate_interval", "5m") for panel in board["panels"] for t in panel["targets"]]
rules = [{"record": f"n{i}", "expr": query} for i, query in enumerate(queries)]
json.dump({"groups": [{"name": "weir", "rules": rules}]}, sys.stdout)
END
    python3 "$dir/rules.py" "$WEIR_SOURCE_DIR/docs/grafana/weir.json" >"$dir/rules.yml"
    promtool check rules "$dir/rules.yml" >"$dir/said" 2>&1 || { cat "$dir/said"; exit 1; }
else
    echo "left out: no promtool (Debian's package prometheus)"
fi

# And it notices.
sed 's/weir_lag_rows/weir_lag_row/' "$WEIR_SOURCE_DIR/docs/grafana/weir.json" >"$dir/wrong.json"
! python3 "$dir/check.py" "$dir/metrics" "$dir/wrong.json" >/dev/null || { echo "a wrong name is not noticed"; exit 1; }
