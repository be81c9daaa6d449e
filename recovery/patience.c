/* patience.c - how long the tool waits for a database that takes no rows. */
#include "patience.h"

#include <sqlite3.h>

#include "../writer/sqlite/sqlite_error.h"

uint32_t weir_patience_ms(uint32_t wait_s) {
    if (wait_s == 0) return 1;
    return wait_s < UINT32_MAX / 1000 ? wait_s * 1000 : UINT32_MAX - 1;
}

int weir_patience_open(const char *database, int flags, uint32_t wait_s, sqlite3 **db,
                       weir_error *error) {
    int code = sqlite3_open_v2(database, db, WEIR_SQLITE_OPEN | flags, NULL);
    if (code != SQLITE_OK) return weir_sqlite_fail(*db, "opening it", error);
    (void)sqlite3_busy_timeout(*db, (int)weir_patience_ms(wait_s)); /* cannot fail */
    return WEIR_OK;
}

weir_patience weir_patience_start(const weir_os *os, uint32_t wait_s) {
    return (weir_patience){
        .os = os, .wait_ns = (uint64_t)wait_s * 1000000000u, .since_ns = os->now(os->self)};
}

bool weir_patience_lasts(weir_patience *patience, uint64_t done) {
    uint64_t now = patience->os->now(patience->os->self);
    if (done != patience->done) {
        patience->done = done;
        patience->since_ns = now;
    }
    return now - patience->since_ns <= patience->wait_ns;
}
