# The units in examples/systemd are what systemd takes, and say what docs/OPERATING.md says of them.
set -eu
command -v systemd-analyze >/dev/null || { echo "skipped: no systemd-analyze (Debian's package systemd)"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

exporter=$WEIR_BINARY_DIR/recovery/weir-exporter
[ -x "$exporter" ] || exporter=$WEIR_TOOL # WEIR_EXPORTER=OFF
mkdir "$dir/units"
for unit in "$WEIR_SOURCE_DIR"/examples/systemd/*; do # with programs that are there
    sed -e "s|/usr/local/bin/trades |$WEIR_BINARY_DIR/examples/service |" \
        -e "s|/usr/bin/weir-recover |$WEIR_RECOVER |" -e "s|/usr/bin/weir-log |$WEIR_LOG |" \
        -e "s|/usr/bin/weir-exporter |$exporter |" \
        "$unit" >"$dir/units/$(basename "$unit")"
done

# What is wrong in a unit may be a mere warning, with exit status 0: nothing may be said at all.
verify() { SYSTEMD_LOG_LEVEL=warning systemd-analyze verify "$@" >"$dir/said" 2>&1 && [ ! -s "$dir/said" ]; }

verify "$dir"/units/*.service "$dir"/units/*.socket || { cat "$dir/said"; exit 1; }
sed 's/^Restart=.*/Restart=sometimes/' "$dir/units/trades.service" >"$dir/wrong.service"
! verify "$dir/wrong.service" || { echo "a wrong unit is not noticed"; exit 1; }
