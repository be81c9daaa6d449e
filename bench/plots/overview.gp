# Each figure against its goal: right of the line it is met. gnuplot -c overview.gp DATA SVG
set terminal svg size 900,700 font "sans-serif,12" background "white"
set output ARG2
set title "Each figure against its goal: 1 is the goal, more is better"
set logscale x 2
set xrange [0.125:16]
set yrange [] reverse
set offsets 0, 0, 0.7, 0.7
set grid x
set arrow from 1, graph 0 to 1, graph 1 nohead lw 2
unset key
set bars 0
plot ARG1 using 2:0:(1 < $2 ? 1 : $2):(1 < $2 ? $2 : 1):ytic(1) with xerrorbars lw 6 pt 7 ps 0.8 lc rgb "#33669a"
