# Durable commits a second by threads. gnuplot -c commit.gp DATA SVG
set terminal svg size 800,500 font "sans-serif,12" background "white"
set output ARG2
set title "One row a commit, each waited for until it is on the disk"
set xlabel "threads"
set ylabel "rows/s"
set logscale xy
set xtics (1, 4, 16, 64)
set format y "%.0s %c"
set datafile missing "?"
set key left top
set grid
plot for [i = 2:5] ARG1 using 1:i with linespoints lw 2 pt 7 title columnhead(i)
