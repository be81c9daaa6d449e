/* ceiling.c - weir, with its ring, journal and syncs, against what SQLite can take at all: the same
 * rows through the bare virtual-table feed, in peers/ceiling.c. */
#include "ceiling.h"

enum { ROWS = 3000000, ROUNDS = 5 };

double ceiling_rows_per_s(const bench_run *run, uint64_t rows) {
    double seconds;
    char number[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)rows);
    const char *arguments[] = {WEIR_BENCH_CEILING, scratch(run, "ceiling.db"), number, NULL};
    bool well = ask_program(arguments, &seconds, 1);
    scratch_remove(run, "ceiling.db");
    return well ? (double)rows / seconds : 0;
}

int bench_ceiling(bench_run *run) {
    uint64_t rows = run->quick ? ROWS / 10 : ROWS;
    double bare[ROUNDS], ours[ROUNDS];
    size_t rounds = run->quick ? 3 : ROUNDS;

    for (size_t i = 0; i < rounds; i++) {
        progress("ceiling: round %zu of %zu", i + 1, rounds);
        settle(run);
        bare[i] = ceiling_rows_per_s(run, rows);
        if (bare[i] <= 0) return 1;
        settle(run);
        ours[i] = by_weir(run, &AGENT_ROWS, rows);
    }
    double theirs = spread_of(bare, rounds).median, mine = spread_of(ours, rounds).median;
    char other[80];
    snprintf(other, sizeof other, "the feed alone %s", amount(theirs, "rows/s"));
    report_begin(&run->report, "ceiling", APPLIED_DURABILITY, BY_HAND_DURABILITY);
    report_figure(&run->report, &(figure){.name = "ratio",
                                          .unit = "×",
                                          .ours = amount(mine, "rows/s"),
                                          .theirs = other,
                                          .value = spread_of_ratio(ours, bare, rounds),
                                          .goal = {GOAL_AT_LEAST, 0.92}});
    report_field(&run->report, "weir_rows_per_s", mine);
    report_field(&run->report, "feed_rows_per_s", theirs);
    report_end(&run->report);
    return 0;
}
