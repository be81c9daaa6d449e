/* The smallest program: rows go in, and stand in run.db whatever becomes of this process. */
#include <stdio.h>

#include <weir/sqlite.h>

int main(void) {
    weir *w;
    if (weir_open_sqlite("run.db", NULL, &w) < 0) { /* recovers first, if there is anything to */
        fprintf(stderr, "%s\n", weir_last_error());
        return 1;
    }
    static const weir_column columns[] = {{"tick", WEIR_INTEGER}, {"price", WEIR_REAL}};
    weir_table *prices;
    int status = weir_declare(w, "prices", columns, 2, &prices);
    for (int tick = 0; status == WEIR_OK && tick < 1000; tick++)
        status = weir_append(prices, tick, 100.0 + tick / 8.0);
    if (status == WEIR_OK) status = weir_sync(w, WEIR_APPLIED, 5000); /* now they can be SELECTed */
    printf("%s\n", weir_status_text(status));
    weir_close(w);
    return status != WEIR_OK;
}
