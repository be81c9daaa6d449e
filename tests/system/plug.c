/* plug.c - a plug-in with a copy of the library in it, for test_unload.c. */
#include <weir/sqlite.h>

__attribute__((visibility("default"))) int plug_open(const char *path);
__attribute__((visibility("default"))) int plug_append(void);
__attribute__((visibility("default"))) int plug_close(void);

static weir *w;
static weir_table *table;

int plug_open(const char *path) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}};
    weir_options o = {.lanes_max = 4, .lane_bytes = 65536};
    int status = weir_open_sqlite(path, &o, &w);
    return status == WEIR_OK ? weir_declare(w, "t", columns, 1, &table) : status;
}

int plug_append(void) { return weir_append(table, weir_int(1)); }

int plug_close(void) { return weir_close(w); }
