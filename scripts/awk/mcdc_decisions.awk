# mcdc_decisions.awk MCDC.TXT: the decisions that are not wholly covered, by place. An inline
# function has an instance in each file, and assert takes its condition twice, once unevaluated: the
# best counts.
/^[^ ]*\.[ch]:$/ { file = $1 }
/---> MC\/DC Decision Region/ { place = file $5 }
/MC\/DC Coverage for Decision:/ {
    if (!(place in best) || $NF + 0 > best[place]) best[place] = $NF + 0
}
END {
    for (place in best)
        if (best[place] < 100) print place, best[place] "%"
}
