# coverage.awk -v rooms=LIST FS='|' COVERAGE.MD FS=, COVERAGE.CSV: branches of each file; then of
# each room, against what COVERAGE.md lists as not reached. Exit status 1: a room has more than
# that, or more than 5 %.
FNR == 1 { file++ }
file == 1 {
    if ($2 ~ /`/) { gsub(/[` ]/, "", $2); listed[$2] = $4 + 0 }
    next
}
FNR == 1 { next }
{
    printf "%-22s lines %4d of %4d   branches %4d of %4d\n", $1, $3, $2, $6, $5
    room = $1
    sub(/.*\//, "", room)
    sub(/\..*/, "", room)
    sub(/_(encode|file|inspect)$/, "", room)
    sub(/^next_segment$/, "journal", room)
    sub(/^replay_blocks$/, "replay", room)
    all[room] += $5
    taken[room] += $6
}
END {
    n = split(rooms, name, " ")
    for (i = 1; i <= n; i++) {
        room = name[i]
        left = all[room] - taken[room]
        ok = all[room] && (room in listed) && left <= listed[room] && left <= all[room] / 20
        printf "%-10s %6.2f %%, not reached: %d, listed: %s%s\n", room,
            all[room] ? 100 * taken[room] / all[room] : 0, left,
            (room in listed) ? listed[room] : "none", ok ? "" : "   TOO LITTLE"
        if (!ok) bad = 1
    }
    exit bad
}
