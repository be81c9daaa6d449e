/* weir in front of a database that is there already: its constraints, indexes and foreign keys hold.
 *
 * Only the columns that are declared are filled; the others take their default. A declared column
 * that the table lacks is added to it. Rows that need the key of another row get it from
 * weir_insert_now, which waits until SQLite has that row. */
#include <sqlite3.h>
#include <stdio.h>

#include <weir/sqlite.h>

/* What somebody else's program made, perhaps years ago. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS customer(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    "                                    since TEXT DEFAULT CURRENT_DATE);"
    "CREATE TABLE IF NOT EXISTS sale(customer INTEGER NOT NULL REFERENCES customer(id),"
    "                                cents INTEGER NOT NULL CHECK (cents > 0));"
    "CREATE INDEX IF NOT EXISTS sale_by_customer ON sale(customer);";

static int print_row(void *unused, int count, char **values, char **names) {
    (void)unused;
    for (int i = 0; i < count; i++)
        printf("%s%s %s", i ? ", " : "  ", names[i], values[i] ? values[i] : "NULL");
    printf("\n");
    return 0;
}

static int run(const char *sql) {
    sqlite3 *db;
    int status = sqlite3_open("shop.db", &db);
    if (status == SQLITE_OK) status = sqlite3_busy_timeout(db, 5000);
    if (status == SQLITE_OK) status = sqlite3_exec(db, sql, print_row, NULL, NULL);
    if (status != SQLITE_OK) fprintf(stderr, "%s\n", sqlite3_errmsg(db));
    sqlite3_close(db);
    return status == SQLITE_OK ? WEIR_OK : WEIR_DATABASE;
}

static int sell(weir *w, const char *name) {
    /* WEIR_KEY: this column is the INTEGER PRIMARY KEY. `since` is left to its default. */
    static const weir_column of_customer[] = {{"id", WEIR_KEY}, {"name", WEIR_TEXT}};
    /* `note` is not in the table: it is added. */
    static const weir_column of_sale[] = {
        {"customer", WEIR_INTEGER}, {"cents", WEIR_INTEGER}, {"note", WEIR_TEXT}};
    weir_table *customers, *sales;
    int status = weir_declare(w, "customer", of_customer, 2, &customers);
    if (status == WEIR_OK) status = weir_declare(w, "sale", of_sale, 3, &sales);
    if (status != WEIR_OK) {
        fprintf(stderr, "%s\n", weir_last_error());
        return status;
    }

    /* NULL in the key's place: weir chooses one. The call answers when SQLite has the row. */
    int64_t key = 0;
    const weir_value row[] = {weir_null(), weir_text(name)};
    status = weir_insert_now(customers, row, 2, 5000, &key, NULL);
    if (status != WEIR_OK) {
        fprintf(stderr, "%s\n", weir_last_error());
        return status;
    }
    printf("%s has the key %lld\n", name, (long long)key);

    /* The name is UNIQUE: a second one is refused, and this caller is told so. */
    status = weir_insert_now(customers, row, 2, 5000, NULL, NULL);
    printf("once more: %s: %s\n", weir_status_name(status), weir_last_error());
    if (status != WEIR_REJECTED) return WEIR_SCHEMA;

    for (int i = 1; i <= 1000; i++) {
        status = weir_append(sales, key, 100 + i, "by hand");
        if (status != WEIR_OK) return status;
    }
    /* Nobody has the key 4711, so this one goes to weir_reject; its neighbours do not. */
    status = weir_append(sales, 4711, 1, NULL);
    return status == WEIR_OK ? weir_sync(w, WEIR_APPLIED, 5000) : status;
}

int main(int argc, char **argv) {
    if (run(schema) != WEIR_OK) return 1;
    weir_options options = {.must_exist = 1}; /* a wrong path shall not make a new database */
    weir *w;
    if (weir_open_sqlite("shop.db", &options, &w) < 0) {
        fprintf(stderr, "%s\n", weir_last_error());
        return 1;
    }
    int status = sell(w, argc > 1 ? argv[1] : "Ada"); /* another name at each run */
    if (status != WEIR_OK) fprintf(stderr, "%s\n", weir_status_text(status));
    if (weir_close(w) < 0) status = WEIR_IO;
    if (status == WEIR_OK)
        status =
            run("SELECT name, since IS NOT NULL AS dated, count(*) AS sales, sum(cents) AS cents"
                "  FROM sale JOIN customer ON customer.id = customer GROUP BY 1;"
                "SELECT table_name AS refused, message FROM weir_reject;");
    return status != WEIR_OK;
}
