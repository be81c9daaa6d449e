# fuzz_executions.awk -v run=RUN EXECUTIONS: sums of the lines "RUN HARNESS EXECUTIONS", by harness
# and of all.
{
    all[$2] += $3
    sum += $3
    if ($1 == run) { now[$2] += $3; mine += $3 }
}
END {
    for (harness in all) line(harness, now[harness], all[harness])
    line("all", mine, sum)
}
function line(name, of_run, in_all) {
    printf "%-12s %12d executions  %14d with earlier runs\n", name, of_run, in_all
}
