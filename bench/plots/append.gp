# Nanoseconds an append by quantile. gnuplot -c append.gp DATA SVG
set terminal svg size 800,500 font "sans-serif,12" background "white"
set output ARG2
set title "One append of three numbers"
set ylabel "ns"
set logscale y
set datafile missing "?"
set style data histograms
set style fill solid 0.8
set key left top
set grid y
plot for [i = 2:5] ARG1 using i:xtic(1) title columnhead(i)
