/* ways.c - both ways in turn, and the figure of that. */
#include "ways.h"

void measure_in_turn(const bench_run *run, const workload *load, uint64_t rows, size_t rounds,
                     in_turn *out) {
    weir_value values[WORKLOAD_COLUMNS_MAX];
    load->fill(0, values); /* what is made once is made now */
    out->rounds = rounds;
    for (size_t i = 0; i < rounds; i++) {
        progress("%s: round %zu of %zu", load->table, i + 1, rounds);
        settle(run);
        out->hand[i] = by_hand(run, load, rows);
        settle(run);
        out->weir[i] = by_weir(run, load, rows);
    }
}

void report_in_turn(bench_run *run, const in_turn *measured, const char *name, const char *part,
                    double at_least) {
    double mine = spread_of(measured->weir, measured->rounds).median;
    double theirs = spread_of(measured->hand, measured->rounds).median;
    char other[80];
    snprintf(other, sizeof other, "%s %s", BY_HAND, amount(theirs, "rows/s"));
    report_figure(&run->report, &(figure){.name = name,
                                          .part = part,
                                          .unit = "×",
                                          .ours = amount(mine, "rows/s"),
                                          .theirs = other,
                                          .value = spread_of_ratio(measured->weir, measured->hand,
                                                                   measured->rounds),
                                          .goal = {GOAL_AT_LEAST, at_least}});
}
