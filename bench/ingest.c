/* ingest.c - rows a second from the first append until all is applied and synced, against the best
 * that people write by hand. */
#include "ways.h"

enum { ROWS = 3000000, ROUNDS = 5 };

int bench_ingest(bench_run *run) {
    in_turn measured;
    measure_in_turn(run, &AGENT_ROWS, run->quick ? ROWS / 10 : ROWS, run->quick ? 3 : ROUNDS,
                    &measured);
    report_begin(&run->report, "ingest", APPLIED_DURABILITY, BY_HAND_DURABILITY);
    report_in_turn(run, &measured, "ratio", NULL, 2.0);
    report_field(&run->report, "weir_rows_per_s", spread_of(measured.weir, measured.rounds).median);
    report_field(&run->report, "prepared_rows_per_s",
                 spread_of(measured.hand, measured.rounds).median);
    report_end(&run->report);
    return 0;
}
