/* What an operator must hear of, and what becomes of rows that SQLite refuses.
 *
 * An append answers before SQLite has seen the row. When SQLite refuses it later (a CHECK, a UNIQUE,
 * a foreign key), the row is not lost and the rows around it are not held up: it goes to the table
 * weir_reject, with the reason, and on_event is called. This program has one row refused, reads
 * weir_reject, and puts the row right. */
#include <sqlite3.h>
#include <stdio.h>

#include <weir/sqlite.h>

/* Runs on a thread of the library: note it, return soon, and call nothing of weir from here. */
static void on_event(void *context, weir_event event, const char *text) {
    int *rejected = context;
    printf("event %d: %s\n", (int)event, text);
    if (event == WEIR_EVENT_REJECTED) __atomic_fetch_add(rejected, 1, __ATOMIC_RELAXED);
}

static int print_row(void *unused, int count, char **values, char **names) {
    (void)unused;
    for (int i = 0; i < count; i++)
        printf("  %s = %s\n", names[i], values[i] ? values[i] : "NULL");
    return 0;
}

static int run(sqlite3 *db, const char *sql) {
    char *error = NULL;
    int status = sqlite3_exec(db, sql, print_row, NULL, &error);
    if (status != SQLITE_OK) fprintf(stderr, "%s: %s\n", sql, error ? error : "?");
    sqlite3_free(error);
    return status;
}

static int trade(weir *w, sqlite3 *db) {
    static const weir_column columns[] = {{"item", WEIR_TEXT}, {"amount", WEIR_INTEGER}};
    weir_table *orders;
    int status = weir_declare(w, "orders", columns, 2, &orders);
    if (status == WEIR_OK) status = weir_append(orders, "apples", 3);
    if (status == WEIR_OK) status = weir_append(orders, "pears", -4);
    if (status == WEIR_OK) status = weir_append(orders, "plums", 5);
    /* A refused row counts as applied: its fate is settled, and nothing waits for it. */
    if (status == WEIR_OK) status = weir_sync(w, WEIR_APPLIED, 5000);
    if (status != WEIR_OK) return status;

    printf("weir_reject has:\n");
    if (run(db, "SELECT id, table_name, message, \"values\" FROM weir_reject"))
        return WEIR_DATABASE;

    /* Put it right: append the row as it should be, wait until it is there, then remove the
     * refused one. In this order a crash in between leaves both, never neither. */
    status = weir_append(orders, "pears", 4);
    if (status == WEIR_OK) status = weir_sync(w, WEIR_APPLIED, 5000);
    if (status == WEIR_OK && run(db, "DELETE FROM weir_reject WHERE table_name = 'orders'"))
        status = WEIR_DATABASE;
    printf("orders has:\n");
    if (status == WEIR_OK && run(db, "SELECT item, amount FROM orders")) status = WEIR_DATABASE;
    return status;
}

int main(void) {
    /* A table of the program's own, with a rule in it. */
    sqlite3 *db;
    if (sqlite3_open("orders.db", &db) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 5000) != SQLITE_OK || /* weir writes too: wait for it */
        run(db,
            "CREATE TABLE IF NOT EXISTS orders(item TEXT, amount INTEGER CHECK (amount > 0))")) {
        fprintf(stderr, "%s\n", sqlite3_errmsg(db));
        sqlite3_close(db);
        return 1;
    }
    int rejected = 0;
    weir_options options = {.on_event = on_event, .event_context = &rejected};
    weir *w;
    int status = weir_open_sqlite("orders.db", &options, &w);
    if (status < 0) {
        fprintf(stderr, "%s\n", weir_last_error());
        sqlite3_close(db);
        return 1;
    }
    status = trade(w, db);
    if (status != WEIR_OK) fprintf(stderr, "%s\n", weir_status_text(status));
    if (weir_close(w) < 0) status = WEIR_IO;
    sqlite3_close(db);
    return status != WEIR_OK || __atomic_load_n(&rejected, __ATOMIC_RELAXED) != 1;
}
