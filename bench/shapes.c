/* shapes.c - narrow and wide rows: never slower than by hand. */
#include "ways.h"

enum { ROUNDS = 3 };

static void measure(const bench_run *run, const workload *load, uint64_t rows, in_turn *out) {
    measure_in_turn(run, load, run->quick ? rows / 10 : rows, ROUNDS, out);
}

static spread ratio_of(const in_turn *m) { return spread_of_ratio(m->weir, m->hand, m->rounds); }

int bench_narrow(bench_run *run) {
    in_turn one;
    measure(run, &NARROW_ROWS, 3000000, &one);
    report_begin(&run->report, "narrow", APPLIED_DURABILITY, BY_HAND_DURABILITY);
    report_in_turn(run, &one, "ratio", "one integer", 1.0);
    report_end(&run->report);
    return 0;
}

/* The figure that counts is that of the shape where we are slowest. */
int bench_wide(bench_run *run) {
    static const struct {
        const workload *load;
        uint64_t rows;
        const char *name, *part;
    } shapes[] = {{&WIDE_ROWS, 300000, "ratio_columns", "40 mixed columns"},
                  {&TEXT_ROWS, 80000, "ratio_texts", "texts of 4 KiB"},
                  {&BLOB_ROWS, 5000, "ratio_blobs", "blobs of 64 KiB"}};
    enum { SHAPES = sizeof shapes / sizeof *shapes };
    in_turn measured[SHAPES];
    int slowest = 0;

    for (int i = 0; i < SHAPES; i++) {
        measure(run, shapes[i].load, shapes[i].rows, &measured[i]);
        if (ratio_of(&measured[i]).median < ratio_of(&measured[slowest]).median) slowest = i;
    }
    report_begin(&run->report, "wide", APPLIED_DURABILITY, BY_HAND_DURABILITY);
    for (int i = 0; i < SHAPES; i++)
        report_in_turn(run, &measured[i], shapes[i].name, shapes[i].part, 1.0);
    report_spread(&run->report, ratio_of(&measured[slowest]));
    report_end(&run->report);
    return 0;
}
