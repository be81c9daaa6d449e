# fuzz_table.awk FIGURES: what fuzz_executions.awk printed, as a table.
BEGIN {
    print "| harness | executions of this run | with earlier runs in the same folder |"
    print "|---|---|---|"
}
{ printf "| `%s` | %d | %d |\n", $1, $2, $4 }
