# coverage.awk -v modules=LIST FS='|' COVERAGE.MD FS=, COVERAGE.CSV: branches of each file; then of
# each module, against what COVERAGE.md lists as not reached. Exit status 1: a module has more than
# that, or more than 5 %.
FNR == 1 { file++ }
file == 1 {
    if ($2 ~ /`/) { gsub(/[` ]/, "", $2); listed[$2] = $4 + 0 }
    next
}
FNR == 1 { next }
{
    printf "%-22s lines %4d of %4d   branches %4d of %4d\n", $1, $3, $2, $6, $5
    module = $1
    sub(/.*\//, "", module)
    sub(/\..*/, "", module)
    sub(/_(encode|file|inspect)$/, "", module)
    sub(/^next_segment$/, "journal", module)
    sub(/^replay_blocks$/, "replay", module)
    all[module] += $5
    taken[module] += $6
}
END {
    n = split(modules, name, " ")
    for (i = 1; i <= n; i++) {
        module = name[i]
        left = all[module] - taken[module]
        ok = all[module] && (module in listed) && left <= listed[module] && left <= all[module] / 20
        printf "%-10s %6.2f %%, not reached: %d, listed: %s%s\n", module,
            all[module] ? 100 * taken[module] / all[module] : 0, left,
            (module in listed) ? listed[module] : "none", ok ? "" : "   TOO LITTLE"
        if (!ok) bad = 1
    }
    exit bad
}
