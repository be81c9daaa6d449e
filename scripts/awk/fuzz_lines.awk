# fuzz_lines.awk: of llvm-cov's report, the lines of each file.
/%/ { printf "%-32s lines %6s of them not reached %6s  covered %s\n", $1, $8, $9, $10 }
