# crashed.awk LASTTEST.LOG: the tests of ctest's log that failed and did not come to cmocka's
# summary.
/^"[^"]*" end time/ { next }
/^[0-9]*\/[0-9]* Testing: / { name = $3; summary = 0 }
/test\(s\) run\.$/ { summary = 1 }
/^Test Failed\./ && !summary { print name }
