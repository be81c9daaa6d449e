# Rows a second by producers. gnuplot -c ratio_producers.gp DATA SVG
set terminal svg size 700,400 font "sans-serif,12" background "white"
set output ARG2
set title "Rows a second, applied and synced"
set xlabel "producers"
set ylabel "rows/s"
set logscale x
set format y "%.1s %c"
set yrange [0:*]
set grid
unset key
plot ARG1 using 1:2:3:4 with yerrorbars lw 2 pt 7 lc rgb "#33669a", "" using 1:2 with lines lc rgb "#33669a"
