# mcdc_files.awk: of llvm-cov's report, the conditions of each file.
/\.[ch] |^TOTAL/ {
    printf "%-28s conditions %4d, not shown to decide %4d: %s\n", $1, $(NF - 2), $(NF - 1), $NF
}
