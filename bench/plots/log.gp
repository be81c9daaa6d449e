# Nanoseconds a message by logger and quantile. gnuplot -c log.gp DATA SVG
set terminal svg size 900,500 font "sans-serif,12" background "white"
set output ARG2
set title "One message with four arguments, in bursts of 20"
set ylabel "ns"
set logscale y
set style data histograms
set style fill solid 0.8
set key right top
set grid y
set xtics rotate by -20
plot for [i = 2:4] ARG1 using i:xtic(1) title columnhead(i)
