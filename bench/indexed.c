/* indexed.c - the destination has two secondary indexes, whose keys come in no order. */
#include "ways.h"

enum { ROWS = 1000000, ROUNDS = 3 };

int bench_indexed(bench_run *run) {
    in_turn measured;
    measure_in_turn(run, &TRADE_ROWS, run->quick ? ROWS / 10 : ROWS, ROUNDS, &measured);
    report_begin(&run->report, "indexed", APPLIED_DURABILITY, BY_HAND_DURABILITY);
    report_in_turn(run, &measured, "ratio", NULL, 1.5);
    report_field(&run->report, "weir_rows_per_s", spread_of(measured.weir, measured.rounds).median);
    report_field(&run->report, "prepared_rows_per_s",
                 spread_of(measured.hand, measured.rounds).median);
    report_end(&run->report);
    return 0;
}
