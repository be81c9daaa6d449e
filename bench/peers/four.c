/* four.c - what append.c says of rows of four values: three numbers and a short text. A program
 * apart, so that those of two builds can be measured in turn.
 *
 *     weir-bench-four DATABASE BURSTS PAUSE_NS */
#include "../bench.h"
#include "../bursts.h"
#include "../orders.h"

typedef struct four {
    weir_table *table;
    int status;
} four;

static void append_burst(void *context, size_t number) {
    four *f = context;
    for (unsigned i = 0; i < BURST; i++) {
        order o = order_of(number * BURST + i);
        f->status |= weir_append(f->table, weir_int(o.id), weir_text(o.symbol), weir_real(o.price),
                                 weir_int(o.left));
    }
}

int main(int argc, char **argv) {
    static const weir_column columns[] = {{"id", WEIR_INTEGER},
                                          {"symbol", WEIR_TEXT},
                                          {"price", WEIR_REAL},
                                          {"remaining", WEIR_INTEGER}};
    pace p;
    double figures[PARTS];
    if (argc != 4 || !read_pace(argv[2], argv[3], &p)) {
        fprintf(stderr, "usage: weir-bench-four DATABASE BURSTS PAUSE_NS\n");
        return 16;
    }
    four f = {.status = WEIR_OK};
    weir *w = open_weir(argv[1], NULL);
    int status = weir_declare(w, "orders", columns, sizeof columns / sizeof *columns, &f.table);
    if (status != WEIR_OK) give_up("declaring", status);
    status = weir_sync(w, WEIR_APPLIED, UINT32_MAX); /* the table is made before the clock runs */
    if (status != WEIR_OK) give_up("declaring", status);
    if (!measure_bursts(&p, append_burst, &f, figures)) give_up("four", WEIR_NO_MEMORY);
    if (f.status != WEIR_OK) give_up("appending", f.status);
    close_weir(w);
    print_parts(figures);
    return 0;
}
