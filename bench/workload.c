/* workload.c - tables, and the rows that go into them. */
#include "workload.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

uint64_t workload_mix(uint64_t x) { /* splitmix64's last part */
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* ---- agents ---------------------------------------------------------------------------------- */

static void fill_agent_from(uint64_t row, uint64_t mixed, weir_value *v) {
    static const char *const types[] = {"household", "firm", "bank", "government"};
    v[0] = weir_int(1);
    v[1] = weir_int((int64_t)(row / 200));
    v[2] = weir_int((int64_t)(row % 200));
    v[3] = weir_text(types[mixed >> 40 & 3]);
    v[4] = weir_real((double)(mixed >> 44) / 64.0);
    v[5] = weir_int((mixed >> 36 & 15) != 0);
}

static void fill_agent(uint64_t row, weir_value *v) {
    fill_agent_from(row, row * 0x9E3779B97F4A7C15u, v);
}

static void fill_random_agent(uint64_t row, weir_value *v) {
    fill_agent_from(row, workload_mix(row + 1), v);
}

static const weir_column agent_columns[] = {
    {"run_id", WEIR_INTEGER},  {"tick", WEIR_INTEGER}, {"agent_id", WEIR_INTEGER},
    {"agent_type", WEIR_TEXT}, {"assets", WEIR_REAL},  {"is_active", WEIR_INTEGER}};
const workload AGENT_ROWS = {"agent_state", agent_columns, COUNT(agent_columns), NULL, 40,
                             fill_agent};
const workload RANDOM_AGENT_ROWS = {"agent_state",    agent_columns, COUNT(agent_columns), NULL, 40,
                                    fill_random_agent};

/* ---- numbers --------------------------------------------------------------------------------- */

static void fill_numbers(uint64_t row, weir_value *v) {
    v[0] = weir_int((int64_t)(row / 20));
    v[1] = weir_int((int64_t)(row % 20));
    v[2] = weir_real((double)row / 3);
}

static const weir_column number_columns[] = {
    {"a", WEIR_INTEGER}, {"b", WEIR_INTEGER}, {"c", WEIR_REAL}};
const workload NUMBER_ROWS = {"numbers", number_columns, COUNT(number_columns), NULL,
                              20,        fill_numbers};

/* ---- trades ---------------------------------------------------------------------------------- */

/* Filling comes before the append that copies, on one thread or several. */
static void fill_trade(uint64_t row, weir_value *v) {
    static _Thread_local char instrument[9];
    uint64_t mixed = workload_mix(row + 1);
    for (int i = 0; i < 8; i++)
        instrument[i] = (char)('A' + (mixed >> 4 * i & 15));
    v[0] = weir_int((int64_t)row);
    v[1] = weir_int((int64_t)(mixed >> 24));
    v[2] = weir_text_n(instrument, 8);
    v[3] = weir_real((double)(mixed >> 44) / 64.0);
}

static const weir_column trade_columns[] = {{"id", WEIR_INTEGER},
                                            {"account", WEIR_INTEGER},
                                            {"instrument", WEIR_TEXT},
                                            {"price", WEIR_REAL}};
const workload TRADE_ROWS = {"trade",
                             trade_columns,
                             COUNT(trade_columns),
                             "CREATE INDEX trade_account ON trade(account);"
                             "CREATE INDEX trade_instrument ON trade(instrument)",
                             80,
                             fill_trade};

/* ---- narrow and wide ------------------------------------------------------------------------- */

static void fill_one(uint64_t row, weir_value *v) { v[0] = weir_int((int64_t)row); }

static const weir_column one_column[] = {{"n", WEIR_INTEGER}};
const workload NARROW_ROWS = {"one", one_column, 1, NULL, 8, fill_one};

static void fill_forty(uint64_t row, weir_value *v) {
    static const char words[] = "the weir holds a stream back and lets it go in large, even flows";
    for (unsigned i = 0; i < 40; i += 4) {
        uint64_t mixed = workload_mix(row * 40 + i + 1);
        v[i] = weir_int((int64_t)(mixed >> (mixed & 56)));
        v[i + 1] = weir_real((double)(mixed >> 44) / 64.0);
        v[i + 2] = weir_text_n(words + (mixed >> 8 & 31), mixed >> 16 & 15);
        v[i + 3] = mixed >> 20 & 3 ? weir_blob(words + (mixed >> 8 & 31), 16) : weir_null();
    }
}

#define FOUR(n)                                                                                    \
    {"i" #n, WEIR_INTEGER}, {"r" #n, WEIR_REAL}, {"t" #n, WEIR_TEXT}, { "b" #n, WEIR_BLOB }
static const weir_column forty_columns[] = {FOUR(0), FOUR(1), FOUR(2), FOUR(3), FOUR(4),
                                            FOUR(5), FOUR(6), FOUR(7), FOUR(8), FOUR(9)};
const workload WIDE_ROWS = {"forty", forty_columns, COUNT(forty_columns), NULL, 400, fill_forty};

/* ---- large values ---------------------------------------------------------------------------- */

enum { TEXT_BYTES = 4096, BLOB_BYTES = 65536, POOL = 16 << 20 };

/* Made once, before any clock runs. */
static const char *words_pool(void) {
    static const char *const words[] = {
        "market ", "agent ", "price ", "of ",     "and ",   "firm ", "bank ",   "tick ",
        "buys ",   "sells ", "goods ", "labour ", "holds ", "the ",  "credit ", "lends "};
    static char pool[POOL];
    if (pool[0]) return pool;
    for (size_t at = 0, n = 1; at < sizeof pool; n++)
        for (const char *c = words[workload_mix(n) & 15]; *c && at < sizeof pool; c++)
            pool[at++] = *c;
    return pool;
}

static const uint8_t *noise_pool(void) {
    static uint64_t pool[POOL / sizeof(uint64_t)];
    if (!pool[0])
        for (size_t i = 0; i < COUNT(pool); i++)
            pool[i] = workload_mix(i + 1);
    return (const uint8_t *)pool;
}

static void fill_text(uint64_t row, weir_value *v) {
    v[0] = weir_int((int64_t)row);
    v[1] = weir_text_n(words_pool() + workload_mix(row + 1) % (POOL - TEXT_BYTES), TEXT_BYTES);
}

static void fill_blob(uint64_t row, weir_value *v) {
    v[0] = weir_int((int64_t)row);
    v[1] = weir_blob(noise_pool() + row % (POOL / BLOB_BYTES) * BLOB_BYTES, BLOB_BYTES);
}

static const weir_column text_columns[] = {{"id", WEIR_INTEGER}, {"body", WEIR_TEXT}};
const workload TEXT_ROWS = {"document", text_columns, 2, NULL, TEXT_BYTES, fill_text};
static const weir_column blob_columns[] = {{"id", WEIR_INTEGER}, {"body", WEIR_BLOB}};
const workload BLOB_ROWS = {"object", blob_columns, 2, NULL, BLOB_BYTES, fill_blob};

/* ---- schema ---------------------------------------------------------------------------------- */

void workload_schema(const workload *load, char *text, size_t size) {
    static const char *const types[] = {[WEIR_INTEGER] = "INTEGER",
                                        [WEIR_REAL] = "REAL",
                                        [WEIR_TEXT] = "TEXT",
                                        [WEIR_BLOB] = "BLOB",
                                        [WEIR_KEY] = "INTEGER PRIMARY KEY"};
    size_t at = (size_t)snprintf(text, size, "CREATE TABLE %s", load->table);
    for (size_t i = 0; i < load->count && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%s %s", i ? ", " : "(",
                               load->columns[i].name, types[load->columns[i].type]);
    if (at < size) snprintf(text + at, size - at, ");%s", load->indexes ? load->indexes : "");
}
