/* test_differential.c - random tables, rows and values by seed, put into one journal whose sinks are an
 * SQLite database and a PostgreSQL server: each row comes out alike, or differs in exactly one of the ways
 * that docs/POSTGRES.md lists in its table of differences.
 *
 *     test_postgres_differential                  the worlds of the suite
 *     test_postgres_differential SECONDS [SEED]   as many as the time allows, from this seed on
 *     test_postgres_differential 0 SEED           this one again
 */
#include "pg_server.h"
#include "support.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/postgres.h>
#include <weir/sqlite.h>

#include "lib/base/utf8.h"

enum { TABLES = 6, COLUMNS = 4, ROWS = 700, SUITE = 12, WAIT_MS = 60000, VARCHAR_MAX = 8 };

/* ---- what there is ----------------------------------------------------------------------------- */

typedef enum kind {
    BIGINT,
    COUNTED, /* a domain of it */
    INTEGER,
    SMALLINT,
    DOUBLE,
    REAL,
    BOOLEAN,
    TEXT,
    VARCHAR,
    BYTEA,
    NUMERIC,
    POSITIVE,
    DATE,
    TIMESTAMP,
    JSON,
    JSONB,
    UUID,
    MOOD,
    TIMESTAMPTZ,
    INET,
    INTS,
    KINDS
} kind;

/* A column of the server, and one of a STRICT table of SQLite with a matching constraint. */
static const struct {
    const char *server, *sqlite, *check;
    weir_type declared;
} kinds[KINDS] = {
    [BIGINT] = {"bigint", "INTEGER", "", WEIR_INTEGER},
    [COUNTED] = {"counted", "INTEGER", "@ > 0", WEIR_INTEGER},
    [INTEGER] = {"integer", "INTEGER", "@ BETWEEN -2147483648 AND 2147483647", WEIR_INTEGER},
    [SMALLINT] = {"smallint", "INTEGER", "@ BETWEEN -32768 AND 32767", WEIR_INTEGER},
    [DOUBLE] = {"double precision", "REAL", "", WEIR_REAL},
    [REAL] = {"real", "REAL", "", WEIR_REAL},
    [BOOLEAN] = {"boolean", "INTEGER", "@ IN (0, 1)", WEIR_INTEGER},
    [TEXT] = {"text", "TEXT", "", WEIR_TEXT},
    [VARCHAR] = {"varchar(8)", "TEXT", "length(@) <= 8", WEIR_TEXT},
    [BYTEA] = {"bytea", "BLOB", "", WEIR_BLOB},
    [NUMERIC] = {"numeric", "ANY", "", WEIR_REAL},
    [POSITIVE] = {"positive", "ANY", "@ > 0", WEIR_REAL},
    [DATE] = {"date", "TEXT", "", WEIR_TEXT},
    [TIMESTAMP] = {"timestamp", "TEXT", "", WEIR_TEXT},
    [JSON] = {"json", "TEXT", "", WEIR_TEXT},
    [JSONB] = {"jsonb", "TEXT", "", WEIR_TEXT},
    [UUID] = {"uuid", "TEXT", "", WEIR_TEXT},
    [MOOD] = {"mood", "TEXT", "@ IN ('sad', 'ok')", WEIR_TEXT},
    [TIMESTAMPTZ] = {"timestamptz", "TEXT", "", WEIR_TEXT},
    [INET] = {"inet", "TEXT", "", WEIR_TEXT},
    [INTS] = {"integer[]", "TEXT", "", WEIR_TEXT},
};

typedef struct column {
    char name[8];
    kind kind;
    bool not_null;
    bool strict; /* else made by weir, of the declared type */
} column;

typedef struct table {
    char name[8];
    bool made;    /* by weir, in both */
    bool keyed;   /* and its column u is the WEIR_KEY */
    bool parent;  /* its column u is UNIQUE */
    bool child;   /* its column u refers to the parent's */
    bool checked; /* CHECK (u < 90) */
    bool trigger; /* BEFORE INSERT: drops some rows, raises for others */
    bool parted;  /* on the server, by ranges of u */
    bool folded;  /* declared with names in other letters than it has */
    column column[COLUMNS];
    int columns;
    weir_table *handle;
} table;

typedef enum form { NOTHING, IS_NULL, IS_INTEGER, IS_REAL, IS_TEXT, IS_BLOB, REFUSED } form;
typedef struct result {
    form form;
    int64_t integer;
    double real;
    char *bytes;
    size_t length;
} result;

enum { SQLITE, SERVER, SIDES };

typedef struct row {
    const table *table;
    int64_t u;
    weir_value value[COLUMNS];
    bool wild[COLUMNS]; /* of any type and value; else one that both take alike */
    form state[SIDES];  /* NOTHING: it is not there; IS_INTEGER: it is; REFUSED */
    char why[SIDES][200];
    result result[SIDES][COLUMNS];
} row;

typedef struct world {
    uint64_t seed;
    weir_rng rng;
    pg_server *server;
    PGconn *c;
    sqlite3 *db;
    const char *directory;
    char database[300], schema[32];
    weir_postgres_options options;
    table table[TABLES];
    int tables;
    row *rows; /* 1 … count: their numbers in the journal */
    int count;
    void *memory[ROWS * COLUMNS * 4];
    size_t pieces;
} world;

static uint64_t seed_at_work;

static uint64_t below(world *w, uint64_t limit) { return weir_rng_below(&w->rng, limit); }
static bool one_in(world *w, uint64_t n) { return below(w, n) == 0; }
#define COUNT(a) (sizeof(a) / sizeof *(a))
#define PICK(w, list) (list)[below(w, COUNT(list))]

static char *keep(world *w, const void *bytes, size_t length) {
    char *own = malloc(length + 1);
    assert_non_null(own);
    assert_true(w->pieces < COUNT(w->memory));
    if (length) memcpy(own, bytes, length);
    own[length] = '\0';
    w->memory[w->pieces++] = own;
    return own;
}

/* ---- values ------------------------------------------------------------------------------------ */

static int64_t any_integer(world *w) {
    static const int64_t bounds[] = {0,         1,         -1,         2,           127,
                                     32767,     -32768,    2147483647, -2147483648, 16777216,
                                     INT64_MAX, INT64_MIN, 1 << 24,    1LL << 53,   -(1LL << 53),
                                     1LL << 62, 20240229,  100};
    if (one_in(w, 4)) return (int64_t)weir_rng_next(&w->rng) >> below(w, 64);
    uint64_t near = (uint64_t)PICK(w, bounds) + below(w, 3) - 1; /* over the bounds, too */
    return (int64_t)near;
}

static double any_real(world *w) {
    static const double reals[] = {0.0,
                                   -0.0,
                                   NAN,
                                   INFINITY,
                                   -INFINITY,
                                   5e-324,
                                   2.5e-310,
                                   0.1,
                                   -2.5,
                                   5.0,
                                   1e15,
                                   1e16,
                                   1e20,
                                   -1e-7,
                                   1e300,
                                   3.4e38,
                                   3.5e38,
                                   1e-45,
                                   1e-46,
                                   1e39,
                                   0.3,
                                   0.30000000000000004,
                                   9007199254740993.0,
                                   2147483648.0,
                                   -32769.,
                                   9223372036854775808.0,
                                   -9223372036854775808.0,
                                   123456789.125};
    double random;
    uint64_t bits = weir_rng_next(&w->rng);
    if (!one_in(w, 4)) return PICK(w, reals);
    if (one_in(w, 2)) return (double)(int64_t)bits / (double)(1 << below(w, 20));
    memcpy(&random, &bits, sizeof random);
    return random;
}

static size_t spell_number(world *w, char *out) {
    static const char *const blanks[] = {"", "", "", "", " ", "\t", "\n ", "  "};
    static const char *const signs[] = {"", "", "", "-", "+"};
    static const char *const behind[] = {"", "", "", "", "", "", "x", "e", ".", "\v"};
    size_t at = (size_t)sprintf(out, "%s%s", PICK(w, blanks), PICK(w, signs));
    for (uint64_t n = below(w, 1 + below(w, 21)); n > 0; n--)
        out[at++] = (char)('0' + below(w, 10));
    if (one_in(w, 3)) {
        bool zeros = one_in(w, 2);
        out[at++] = '.';
        for (uint64_t n = below(w, 12); n > 0; n--)
            out[at++] = (char)('0' + (zeros ? 0 : below(w, 10)));
    }
    if (one_in(w, 4))
        at += (size_t)sprintf(out + at, "%c%s%d", one_in(w, 2) ? 'e' : 'E', PICK(w, signs),
                              (int)below(w, one_in(w, 5) ? 420 : 20));
    return at + (size_t)sprintf(out + at, "%s%s", PICK(w, behind), PICK(w, blanks));
}

static size_t any_characters(world *w, char *out) {
    static const char *const parts[] = {"a",  "Z",  "é",  "€",    "😀",   "\\", "\t",
                                        "\n", "\r", "'",  "\"",   "{",   ",",  " ",
                                        "߿", "𐍈",  "\v", "\x7f", "\\N", "\\."};
    size_t at = 0;
    for (uint64_t n = below(w, 14); n > 0; n--)
        at += (size_t)sprintf(out + at, "%s", PICK(w, parts));
    return at;
}

static size_t any_bytes(world *w, char *out) {
    size_t length = below(w, 12);
    weir_rng_fill(&w->rng, out, length);
    return length;
}

static weir_value any_text(world *w) {
    static const char *const words[] = {"",
                                        "true",
                                        "false",
                                        "t",
                                        "f",
                                        "on",
                                        "off",
                                        "yes",
                                        "no",
                                        "n",
                                        "y",
                                        "TRUE",
                                        "NaN",
                                        "inf",
                                        "Infinity",
                                        "-Infinity",
                                        "0x10",
                                        "1_000",
                                        "1e400",
                                        "1e-400",
                                        "-1e999",
                                        "9007199254740993.0",
                                        "1.50",
                                        "12345678901234567890.12",
                                        "406264219054684274727",
                                        "9771803516430414926581e123",
                                        "9223372036854775807",
                                        "9223372036854775807.0",
                                        "9223372036854775808",
                                        "-9223372036854775808",
                                        "sad",
                                        "ok",
                                        "SAD",
                                        "2024-02-29",
                                        "2023-02-29",
                                        "29.2.2024",
                                        "20240229",
                                        "today ",
                                        "infinity",
                                        "2024-02-29 23:59:60",
                                        "2024-02-29T12:00:00.1234567",
                                        "12:00",
                                        "{\"a\": 1,  \"a\": 2}",
                                        "{\"a\":1.50}",
                                        "[1, 2",
                                        "null",
                                        "\"\\u0000\"",
                                        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                                        "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}",
                                        "abcdefgh",
                                        "abcdefgh  ",
                                        "abcdefghi",
                                        "ééééééééé",
                                        "éééééééé ",
                                        "NULL",
                                        "10.0.0.1/8",
                                        "::1",
                                        "{1,2}",
                                        "{}",
                                        "{1,x}"};
    static const char *const broken[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80",
                                         "\xf5\x80\x80\x80"};
    char text[256];
    size_t length = 0;
    switch (below(w, 10)) {
    case 0:
    case 1:
    case 2: length = spell_number(w, text); break;
    case 3: length = any_characters(w, text); break;
    case 4: length = any_bytes(w, text); break;
    case 5: return weir_text(PICK(w, broken));
    case 6: return weir_text_n("a\0b", 3);
    default: return weir_text(PICK(w, words));
    }
    return weir_text_n(keep(w, text, length), length);
}

static weir_value long_value(world *w) {
    size_t length = 100000 + below(w, 1500000);
    char *bytes = keep(w, "", 0);
    w->pieces--;
    bytes = realloc(bytes, length + 1);
    assert_non_null(bytes);
    w->memory[w->pieces++] = bytes;
    memset(bytes, one_in(w, 3) ? '7' : 'x', length);
    bytes[length] = '\0';
    return one_in(w, 2) ? weir_text_n(bytes, length) : weir_blob(bytes, length);
}

/* What is rare by chance, and matters to columns of this kind. */
static weir_value apt_value(world *w, kind k) {
    static const char *const numbers[] = {"1e400",
                                          "-1e-400",
                                          "406264219054684274727",
                                          "-0.0",
                                          "9771803516430414926581e123",
                                          "9007199254740993.0"};
    static const char *const truths[] = {"true", "f", "on", "no", "TRUE", "1.0", "2"};
    static const char *const lengths[] = {"abcdefgh  ", "éééééééé ", "abcdefgh x", "abcdefg  "};
    if (k == BOOLEAN) return weir_text(PICK(w, truths));
    if (k == VARCHAR) return weir_text(PICK(w, lengths));
    if (k == DOUBLE && one_in(w, 2)) return weir_text(PICK(w, numbers));
    if (k == TEXT || k == DOUBLE) return weir_real(one_in(w, 2) ? -0.0 : any_real(w));
    return k == BIGINT ? weir_text(PICK(w, numbers)) : weir_real(any_real(w));
}

static weir_value any_value(world *w, kind k) {
    char bytes[16];
    if (one_in(w, 400)) return long_value(w);
    if (one_in(w, 8)) return apt_value(w, k);
    switch (below(w, 9)) {
    case 0: return weir_null();
    case 1:
    case 2: return weir_int(any_integer(w));
    case 3:
    case 4: return weir_real(any_real(w));
    case 5: {
        size_t length = any_bytes(w, bytes);
        return weir_blob(keep(w, bytes, length), length);
    }
    default: return any_text(w);
    }
}

/* One that both take, and show, alike. */
static weir_value plain_value(world *w, kind k, int n) {
    char text[32];
    switch (k) {
    case BIGINT: return weir_int(any_integer(w));
    case COUNTED:
    case INTEGER: return weir_int(n);
    case SMALLINT: return weir_int(n % 1000 - 500);
    case DOUBLE:
    case REAL: return weir_real(n / 8.0);
    case BOOLEAN: return weir_int(n & 1);
    case BYTEA: return weir_blob(keep(w, "\0\xff\\'", 4), below(w, 5));
    case NUMERIC:
    case POSITIVE: return weir_int(n);
    case DATE: return weir_text("2024-02-29");
    case TIMESTAMP: return weir_text("2024-02-29 12:00:00");
    case JSON: return weir_text("{\"b\":1,\"a\" : [1.50]}");
    case JSONB: return weir_text("{\"a\": [1, 2]}");
    case UUID: return weir_text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    case TIMESTAMPTZ: return weir_text("2024-02-29 12:00:00+00");
    case INET: return weir_text("10.0.0.1");
    case INTS: return weir_text("{1,NULL,3}");
    case MOOD: return weir_text(n & 1 ? "sad" : "ok");
    default:
        (void)snprintf(text, sizeof text, "r%d€\\'", n);
        return weir_text(keep(w, text, strlen(text)));
    }
}

/* ---- what is known of a value, without the code that is tested ---------------------------------- */

static bool is_text(const weir_value *v) { return v->type == WEIR_TEXT; }
static bool is_int_kind(kind k) {
    return k == BIGINT || k == COUNTED || k == INTEGER || k == SMALLINT;
}
static bool is_float_kind(kind k) { return k == DOUBLE || k == REAL; }
static bool is_text_kind(kind k) { return k == TEXT || k == VARCHAR; }
static bool is_numeric_kind(kind k) { return k == NUMERIC || k == POSITIVE; }
static bool is_read_by_server(kind k) { return k >= DATE && k <= INTS; }

/* Where a text ends for PostgreSQL: at a zero byte, or one that is no UTF-8; its length: nowhere. */
static size_t clean_length(const weir_value *v) {
    const uint8_t *bytes = v->as.bytes;
    size_t at = 0;
    while (at < v->length && bytes[at]) {
        size_t size = weir_utf8_size(bytes + at, v->length - at);
        if (!size) break;
        at += size;
    }
    return at;
}
static bool is_clean(const weir_value *v) { return !is_text(v) || clean_length(v) == v->length; }

typedef struct number {
    bool is;    /* it spells a number */
    bool whole; /* one of 64 bits */
    bool plain; /* without point and exponent */
    bool zero;
    int64_t integer;
    double real; /* correctly rounded, or infinite */
} number;

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* digits × 10^exponent, both of them exactly. */
static void judge_whole(number *n, char *digits, size_t count, long exponent, bool negative) {
    size_t lead = strspn(digits, "0");
    digits += lead;
    count -= lead;
    n->zero = !count;
    n->whole = n->zero;
    n->integer = 0;
    for (; count && digits[count - 1] == '0'; exponent++)
        digits[--count] = '\0';
    if (n->zero || exponent < 0 || (long)count + exponent > 19) return;
    unsigned __int128 value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + (unsigned)(digits[i] - '0');
    for (; exponent > 0; exponent--)
        value *= 10;
    n->whole = value <= (uint64_t)INT64_MAX + negative;
    if (n->whole) n->integer = (int64_t)(negative ? 0 - (uint64_t)value : (uint64_t)value);
}

static number spelled(const weir_value *v) {
    number n = {0};
    char *digits, *end;
    const char *at = v->as.bytes;
    size_t count = 0;
    long exponent = 0;
    if (!is_text(v) || memchr(at, 0, v->length)) return n;
    while (is_blank(*at))
        at++;
    n.real = strtod(at, &end);
    if (end == at || at[strspn(at, "+-.0123456789eE")] == 'x' || at[strspn(at, "+-")] > '9')
        return n;
    const char *behind = end;
    while (is_blank(*behind))
        behind++;
    if (*behind) return n;
    bool negative = *at == '-';
    digits = malloc(v->length + 1);
    assert_non_null(digits);
    at += *at == '-' || *at == '+';
    n.plain = true;
    for (bool point = false; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            point = true;
            n.plain = false;
            continue;
        }
        digits[count++] = *at;
        exponent -= point;
    }
    digits[count] = '\0';
    if (at < end) {
        n.plain = false;
        exponent += strtol(at + 1, NULL, 10);
    }
    n.is = true;
    judge_whole(&n, digits, count, exponent, negative);
    free(digits);
    return n;
}

static bool round_trips(double v) { /* with the 15 digits that SQLite writes */
    char text[40];
    (void)snprintf(text, sizeof text, "%.15g", v);
    return strtod(text, NULL) == v;
}

static size_t characters(const char *at, size_t length) {
    size_t n = 0;
    for (size_t i = 0; i < length; i++)
        n += (at[i] & 0xC0) != 0x80;
    return n;
}

static bool same_bytes(const result *r, form f, const void *bytes, size_t length) {
    return r->form == f && r->length == length && (!length || !memcmp(r->bytes, bytes, length));
}
static bool same_text(const result *r, const char *text) {
    return same_bytes(r, IS_TEXT, text, strlen(text));
}
/* Bit by bit: a zero has a sign. */
static bool same_real(const result *r, double v) {
    uint64_t there, wanted;
    memcpy(&there, &r->real, sizeof there);
    memcpy(&wanted, &v, sizeof wanted);
    return r->form == IS_REAL && there == wanted;
}

/* ---- the differences --------------------------------------------------------------------------- */

typedef struct cell {
    world *w;
    const column *column;
    const weir_value *value;
    const result *sqlite,
        *server; /* one of them REFUSED: the row, and this is its only wild value */
} cell;

/* A double that SQLite makes of a text: its own algorithm is not exact in each last bit, or is so in newer
 * versions. */
static double sqlite_real(sqlite3 *db, const char *text, size_t length) {
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT CAST(? AS REAL)", -1, &s, NULL), 0);
    (void)sqlite3_bind_text(s, 1, text, (int)length, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    double v = sqlite3_column_double(s, 0);
    (void)sqlite3_finalize(s);
    return v;
}
static double sqlite_real_of(const cell *c) {
    return sqlite_real(c->w->db, c->value->as.bytes, c->value->length);
}
static bool sqlite_is_exact(void) {
    static const char text[] = "406264219054684274727";
    sqlite3 *db;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    bool exact = sqlite_real(db, text, strlen(text)) == strtod(text, NULL);
    (void)sqlite3_close(db);
    return exact;
}

static bool overflows(const number *n) {
    return n->is && (isinf(n->real) || (n->real == 0 && !n->zero));
}

static bool is_nan_value(const cell *c) {
    return c->value->type == WEIR_REAL && isnan(c->value->as.real);
}
static bool nan_said(const cell *c) {
    bool null = c->sqlite->form == (c->column->not_null ? REFUSED : IS_NULL);
    if (is_float_kind(c->column->kind))
        return null && c->server->form == IS_REAL && isnan(c->server->real);
    if (is_text_kind(c->column->kind) || is_numeric_kind(c->column->kind))
        return null && same_text(c->server, "NaN");
    return null && c->server->form == REFUSED;
}

static bool is_infinite_text(const cell *c) {
    return c->value->type == WEIR_REAL && isinf(c->value->as.real) && is_text_kind(c->column->kind);
}
static bool infinite_said(const cell *c) {
    bool minus = c->value->as.real < 0;
    if (!same_text(c->sqlite, minus ? "-Inf" : "Inf")) return false;
    if (minus && c->column->kind == VARCHAR) return c->server->form == REFUSED; /* nine letters */
    return same_text(c->server, minus ? "-Infinity" : "Infinity");
}

static bool is_minus_zero(const cell *c) {
    if (c->value->type == WEIR_REAL && c->value->as.real == 0 && signbit(c->value->as.real))
        return is_float_kind(c->column->kind) || is_text_kind(c->column->kind);
    number n = spelled(c->value);
    return n.is && n.real == 0 && signbit(n.real) && n.zero && is_float_kind(c->column->kind);
}
static bool minus_zero_said(const cell *c) {
    if (is_text_kind(c->column->kind))
        return same_text(c->sqlite, "0.0") && same_text(c->server, "-0.0");
    return same_real(c->sqlite, 0.0) && same_real(c->server, -0.0);
}

static bool is_zero_byte(const cell *c) {
    size_t clean = clean_length(c->value);
    const char *bytes = c->value->as.bytes;
    return is_text(c->value) && c->column->kind != BYTEA && clean < c->value->length &&
           !bytes[clean];
}
static bool is_not_utf8(const cell *c) {
    return !is_clean(c->value) && c->column->kind != BYTEA && !is_zero_byte(c);
}
static bool server_refuses(const cell *c) { return c->server->form == REFUSED; }

/* With a point or an exponent SQLite reads a number as a double, and takes that if it is whole. */
static bool is_long_integer(const cell *c) {
    number n = spelled(c->value);
    if (!(is_int_kind(c->column->kind) || c->column->kind == BOOLEAN) || !n.is || n.plain)
        return false;
    if (n.whole) return n.integer > 1LL << 53 || n.integer < -(1LL << 53);
    return n.real == trunc(n.real) && fabs(n.real) <= 0x1p63;
}

/* In a table that weir made SQLite keeps a value of another type, or one of its size. */
static bool is_of_another_type(const cell *c) {
    const weir_value *v = c->value;
    number n = spelled(v);
    if (is_long_integer(c)) return false;
    if (c->column->strict || v->type == WEIR_NULL || !is_clean(v) || is_nan_value(c)) return false;
    switch (c->column->kind) {
    case BIGINT:
        if (v->type == WEIR_REAL)
            return !(v->as.real == trunc(v->as.real) && v->as.real >= -0x1p63 &&
                     v->as.real < 0x1p63);
        return v->type == WEIR_BLOB || (v->type == WEIR_TEXT && !(n.is && n.whole));
    case DOUBLE: return v->type == WEIR_BLOB || (v->type == WEIR_TEXT && !n.is);
    case TEXT: return v->type == WEIR_BLOB;
    default: return v->type == WEIR_INTEGER || v->type == WEIR_REAL;
    }
}
static bool sqlite_keeps(const cell *c) {
    return c->sqlite->form != REFUSED && c->server->form == REFUSED;
}

static bool is_text_as_bytes(const cell *c) {
    return is_text(c->value) && c->column->kind == BYTEA;
}
static bool bytes_said(const cell *c) {
    const weir_value *v = c->value;
    return same_bytes(c->server, IS_BLOB, v->as.bytes, v->length) &&
           (c->column->strict ? c->sqlite->form == REFUSED
                              : same_bytes(c->sqlite, IS_TEXT, v->as.bytes, v->length));
}

static bool is_inexact_integer(const cell *c) {
    if (c->value->type != WEIR_INTEGER || !is_float_kind(c->column->kind)) return false;
    __int128 there = c->column->kind == REAL ? (__int128)(float)c->value->as.integer
                                             : (__int128)(double)c->value->as.integer;
    return there != c->value->as.integer;
}
static bool inexact_said(const cell *c) {
    return same_real(c->sqlite, (double)c->value->as.integer) && c->server->form == REFUSED;
}

static bool narrows(const cell *c, double *v) {
    number n = spelled(c->value);
    if (c->column->kind != REAL || (c->value->type != WEIR_REAL && !n.is)) return false;
    *v = n.is ? n.real : c->value->as.real;
    return !overflows(&n) && isfinite(*v) && (double)(float)*v != *v;
}
static bool is_narrowed(const cell *c) {
    double v;
    return narrows(c, &v);
}
static bool narrowed_said(const cell *c) {
    double v = 0;
    (void)narrows(c, &v);
    bool lost = isinf((float)v) || (float)v == 0;
    return c->sqlite->form == IS_REAL && fabs(c->sqlite->real - v) <= fabs(v) * 1e-15 &&
           (lost ? c->server->form == REFUSED : same_real(c->server, (double)(float)v));
}

static bool is_too_large_spelled(const cell *c) {
    number n = spelled(c->value);
    return is_float_kind(c->column->kind) && overflows(&n);
}
static bool too_large_said(const cell *c) {
    return c->sqlite->form == IS_REAL &&
           (isinf(c->sqlite->real) || fabs(c->sqlite->real) < 1e-300) && c->server->form == REFUSED;
}

static bool is_last_bit(const cell *c) {
    number n = spelled(c->value);
    if (c->column->kind != DOUBLE || !n.is || overflows(&n) || n.zero) return false;
    return sqlite_real_of(c) != n.real;
}
static bool last_bit_said(const cell *c) {
    number n = spelled(c->value);
    return same_real(c->server, n.real) && same_real(c->sqlite, sqlite_real_of(c));
}

static bool is_real_as_text(const cell *c) {
    return c->value->type == WEIR_REAL && is_text_kind(c->column->kind) &&
           isfinite(c->value->as.real) && !round_trips(c->value->as.real);
}
static bool real_as_text_said(const cell *c) {
    if (c->column->kind == VARCHAR) return c->server->form == REFUSED; /* sixteen digits or more */
    return c->sqlite->form == IS_TEXT && c->server->form == IS_TEXT &&
           strtod(c->server->bytes, NULL) == c->value->as.real &&
           strtod(c->sqlite->bytes, NULL) != c->value->as.real;
}

static bool long_integer_said(const cell *c) {
    number n = spelled(c->value);
    bool fits = c->column->kind == BIGINT || (c->column->kind == COUNTED && n.integer > 0);
    if (!n.whole || !fits) return c->server->form == REFUSED;
    return c->server->form == IS_INTEGER && c->server->integer == n.integer;
}

/* SQLite makes no integer of the least one. */
static bool is_least_integer(const cell *c) {
    return c->value->type == WEIR_REAL && c->column->kind == BIGINT && c->value->as.real == -0x1p63;
}
static bool least_integer_said(const cell *c) {
    return c->server->form == IS_INTEGER && c->server->integer == INT64_MIN &&
           (c->column->strict ? c->sqlite->form == REFUSED : same_real(c->sqlite, -0x1p63));
}

static int truth_of(const weir_value *v) {
    static const char *const words[] = {"f",   "t",   "false", "true", "no",
                                        "yes", "off", "on",    "n",    "y"};
    for (size_t i = 0; is_text(v) && i < COUNT(words); i++)
        if (v->length == strlen(words[i]) && !memcmp(v->as.bytes, words[i], v->length))
            return i & 1;
    return -1;
}
static bool is_truth(const cell *c) {
    return c->column->kind == BOOLEAN && truth_of(c->value) >= 0;
}
static bool truth_said(const cell *c) {
    return c->sqlite->form == REFUSED && c->server->form == IS_INTEGER &&
           c->server->integer == truth_of(c->value);
}

/* Blanks behind what a varchar holds are cut, as the standard says. */
static bool is_blank_behind(const cell *c) {
    const char *bytes = c->value->as.bytes;
    if (c->column->kind != VARCHAR || !is_text(c->value) || !is_clean(c->value)) return false;
    size_t length = c->value->length;
    while (length && bytes[length - 1] == ' ' && characters(bytes, length) > VARCHAR_MAX)
        length--;
    return length < c->value->length && characters(bytes, length) == VARCHAR_MAX;
}
static bool blank_behind_said(const cell *c) {
    return c->sqlite->form == REFUSED && c->server->form == IS_TEXT &&
           characters(c->server->bytes, c->server->length) == VARCHAR_MAX &&
           !memcmp(c->server->bytes, c->value->as.bytes, c->server->length);
}

/* What the server makes of the value as a text; REFUSED. */
static result ask_server(const cell *c) {
    const weir_value *v = c->value;
    const char *parameter = v->as.bytes;
    char sql[200], digits_of[40];
    if (v->type == WEIR_BLOB) return (result){.form = REFUSED};
    if (v->type == WEIR_INTEGER)
        (void)snprintf(digits_of, sizeof digits_of, "%lld", (long long)v->as.integer);
    for (int digits = 15; v->type == WEIR_REAL && digits <= 17; digits++) {
        (void)snprintf(digits_of, sizeof digits_of, "%.*g", digits, v->as.real);
        if (isinf(v->as.real))
            (void)snprintf(digits_of, sizeof digits_of, "%sInfinity", v->as.real < 0 ? "-" : "");
        if (strtod(digits_of, NULL) == v->as.real) break;
    }
    if (v->type != WEIR_TEXT) parameter = digits_of;
    (void)snprintf(sql, sizeof sql, "SELECT $1::text::%s", kinds[c->column->kind].server);
    PGresult *r = PQexecParams(c->w->c, sql, 1, NULL, &parameter, NULL, NULL, 0);
    result out = {.form = REFUSED};
    if (PQresultStatus(r) == PGRES_TUPLES_OK) {
        out = (result){.form = IS_TEXT, .length = (size_t)PQgetlength(r, 0, 0)};
        out.bytes = keep(c->w, PQgetvalue(r, 0, 0), out.length);
    }
    PQclear(r);
    return out;
}
static bool as_server_reads(const cell *c) {
    result expected = ask_server(c);
    if (expected.form == REFUSED) return c->server->form == REFUSED;
    return same_bytes(c->server, IS_TEXT, expected.bytes, expected.length);
}
static bool is_foreign_to_sqlite(const cell *c) {
    return is_read_by_server(c->column->kind) && is_clean(c->value) && !is_nan_value(c) &&
           c->value->type != WEIR_NULL;
}
static bool is_numeric(const cell *c) {
    return is_numeric_kind(c->column->kind) && is_clean(c->value) && !is_nan_value(c) &&
           c->value->type != WEIR_NULL;
}

/* Those that the test finds in another way than by one value. */
static bool never(const cell *c) {
    (void)c;
    return false;
}

/* The titles are the first cells of the table in docs/POSTGRES.md. */
enum { KEY_FOLLOWS, TRIGGER_FIRST, IDENTITY_GAPS };
static struct difference {
    const char *title;
    bool (*applies)(const cell *c);
    bool (*said)(const cell *c);
    unsigned long hits;
} differences[] = {
    [KEY_FOLLOWS] = {"A row whose key, or parent, only one of them has", never, never, 0},
    [TRIGGER_FIRST] = {"A BEFORE trigger that drops a row with a value that does not fit", never,
                       never, 0},
    [IDENTITY_GAPS] = {"Numbers that the database chooses (identity, serial, rowid)", never, never,
                       0},
    {"NaN", is_nan_value, nan_said, 0},
    {"Infinity in a column of texts", is_infinite_text, infinite_said, 0},
    {"-0.0", is_minus_zero, minus_zero_said, 0},
    {"TEXT with a zero byte", is_zero_byte, server_refuses, 0},
    {"TEXT that is not UTF-8", is_not_utf8, server_refuses, 0},
    {"A value that does not fit the type of a column that weir made", is_of_another_type,
     sqlite_keeps, 0},
    {"TEXT in a column of bytes", is_text_as_bytes, bytes_said, 0},
    {"INTEGER with more digits than a floating point column holds", is_inexact_integer,
     inexact_said, 0},
    {"A number in a `real` column", is_narrowed, narrowed_said, 0},
    {"TEXT of a number beyond the range of a double", is_too_large_spelled, too_large_said, 0},
    {"TEXT of a number in a `double precision` column", is_last_bit, last_bit_said, 0},
    {"REAL in a column of texts", is_real_as_text, real_as_text_said, 0},
    {"TEXT of a number with a point or an exponent in a column of integers", is_long_integer,
     long_integer_said, 0},
    {"The REAL -9223372036854775808.0 in a column of integers", is_least_integer,
     least_integer_said, 0},
    {"`t`, `f`, `true`, `false`, `yes`, `no`, `on`, `off`, `y`, `n` in a `boolean`", is_truth,
     truth_said, 0},
    {"Blanks behind the length of a `varchar(n)`", is_blank_behind, blank_behind_said, 0},
    {"`numeric`", is_numeric, as_server_reads, 0},
    {"`date`, `timestamp`, `json`, `uuid`, enumerations and other types that SQLite lacks",
     is_foreign_to_sqlite, as_server_reads, 0},
};

/* ---- tables ------------------------------------------------------------------------------------ */

static void run_on_server(const world *w, const char *sql) {
    PGresult *r = PQexec(w->c, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK) fail_msg("%s: %s", sql, PQresultErrorMessage(r));
    PQclear(r);
}

static void add_columns(FILE *out, const table *t, int side) {
    for (int i = 0; i < t->columns; i++) {
        const column *c = &t->column[i];
        (void)fprintf(out, ", %s %s%s", c->name,
                      side == SERVER ? kinds[c->kind].server : kinds[c->kind].sqlite,
                      c->not_null ? " NOT NULL" : "");
        if (side == SQLITE && kinds[c->kind].check[0]) {
            const char *check = kinds[c->kind].check;
            size_t before = strcspn(check, "@");
            (void)fprintf(out, " CHECK (%.*s%s%s)", (int)before, check, c->name,
                          check + before + 1);
        }
    }
}

static char *ddl_of(const table *t, int side) {
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    (void)fprintf(out, "CREATE TABLE %s(n %s, u %s%s%s%s", t->name,
                  side == SERVER ? "bigint" : "INTEGER", side == SERVER ? "bigint" : "INTEGER",
                  t->parent ? " UNIQUE" : "", t->child ? " REFERENCES t0(u)" : "",
                  t->checked ? " CHECK (u < 90)" : "");
    add_columns(out, t, side);
    (void)fprintf(out, ", d %s DEFAULT 7, g %s GENERATED ALWAYS AS (n * 2) STORED%s)%s;",
                  side == SERVER ? "bigint" : "INTEGER", side == SERVER ? "bigint" : "INTEGER",
                  side == SERVER && !t->parted ? ", id bigint GENERATED BY DEFAULT AS IDENTITY"
                                               : "",
                  side == SQLITE ? " STRICT"
                  : t->parted    ? " PARTITION BY RANGE (u)"
                                 : "");
    if (t->parted && side == SERVER)
        (void)fprintf(out,
                      "CREATE TABLE low_%s PARTITION OF %s FOR VALUES FROM (MINVALUE) TO (50);"
                      "CREATE TABLE rest_%s PARTITION OF %s DEFAULT;",
                      t->name, t->name, t->name, t->name);
    if (t->trigger && side == SQLITE)
        (void)fprintf(out,
                      "CREATE TRIGGER g%s BEFORE INSERT ON %s BEGIN"
                      " SELECT RAISE(IGNORE) WHERE NEW.n %% 7 = 0;"
                      " SELECT RAISE(ABORT, 'no') WHERE NEW.n %% 11 = 0; END;",
                      t->name, t->name);
    if (t->trigger && side == SERVER)
        (void)fprintf(out,
                      "CREATE FUNCTION g%s() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
                      " IF NEW.n %% 7 = 0 THEN RETURN NULL; END IF;"
                      " IF NEW.n %% 11 = 0 THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END$$;"
                      "CREATE TRIGGER g BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION g%s();",
                      t->name, t->name, t->name);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void make_table(world *w) {
    static const kind of_made[] = {BIGINT, DOUBLE, TEXT, BYTEA};
    table *t = &w->table[w->tables];
    (void)snprintf(t->name, sizeof t->name, "t%d", w->tables);
    t->parent = w->tables == 0;
    t->child = w->tables == 1;
    t->made = w->tables > 1 && one_in(w, 3);
    t->checked = !t->made && !t->parent && !t->child && one_in(w, 3);
    t->trigger = !t->made && !t->parent && !t->child && one_in(w, 2);
    t->keyed = t->made && one_in(w, 2);
    t->parted = !t->made && !t->parent && !t->child && one_in(w, 4);
    t->folded = !t->made && one_in(w, 4);
    t->columns = 1 + (int)below(w, COLUMNS);
    for (int i = 0; i < t->columns; i++) {
        column *c = &t->column[i];
        (void)snprintf(c->name, sizeof c->name, "c%d", i);
        c->strict = !t->made;
        c->kind = t->made ? PICK(w, of_made) : (kind)below(w, KINDS);
        c->not_null = !t->made && one_in(w, 4);
    }
    w->tables++;
    if (t->made) return;
    char *server = ddl_of(t, SERVER), *sqlite = ddl_of(t, SQLITE);
    run_on_server(w, server);
    weir_sql_run(w->database, sqlite);
    free(server);
    free(sqlite);
}

static void make_world(world *w) {
    char sql[300];
    (void)snprintf(w->schema, sizeof w->schema, "w%llu", (unsigned long long)w->seed);
    (void)snprintf(sql, sizeof sql,
                   "CREATE SCHEMA %s; SET search_path = %s; CREATE TYPE mood AS ENUM ('sad', 'ok');"
                   "CREATE DOMAIN counted AS bigint CHECK (VALUE > 0);"
                   "CREATE DOMAIN positive AS numeric CHECK (VALUE > 0)",
                   w->schema, w->schema);
    run_on_server(w, sql);
    w->options = (weir_postgres_options){
        .schema = w->schema, .row_numbers = one_in(w, 3), .by_insert = w->seed % 3 == 2};
    for (uint64_t n = 3 + below(w, TABLES - 2); n > 0; n--)
        make_table(w);
}

/* ---- rows -------------------------------------------------------------------------------------- */

static void make_row(world *w, int n) {
    row *r = &w->rows[n];
    table *t = &w->table[below(w, (uint64_t)w->tables)];
    int wild = one_in(w, 8) ? -2 : one_in(w, 4) ? -1 : (int)below(w, (uint64_t)t->columns);
    r->table = t;
    r->u = (int64_t)below(w, t->parent || t->child || t->keyed ? 200 : 100);
    for (int i = 0; i < t->columns; i++) {
        r->wild[i] = wild == i || wild == -2;
        r->value[i] =
            r->wild[i] ? any_value(w, t->column[i].kind) : plain_value(w, t->column[i].kind, n);
    }
}

static void declare(weir *w, table *t) {
    weir_column columns[COLUMNS + 2] = {{"n", WEIR_INTEGER},
                                        {"u", t->keyed ? WEIR_KEY : WEIR_INTEGER}};
    char names[COLUMNS][8];
    for (int i = 0; i < t->columns; i++) {
        (void)snprintf(names[i], sizeof names[i], "%s", t->column[i].name);
        if (t->folded) names[i][0] = 'C';
        columns[i + 2] = (weir_column){names[i], kinds[t->column[i].kind].declared};
    }
    if (weir_declare(w, t->name, columns, (size_t)t->columns + 2, &t->handle) != WEIR_OK)
        fail_msg("seed %llu: %s", (unsigned long long)seed_at_work, weir_last_error());
}

static void quiet(void *context, weir_event event, const char *text) {
    (void)context;
    (void)event;
    (void)text;
}

static weir *open_both(world *w) {
    const weir_options options = {.on_event = quiet, .apply_linger_ms = 1 + (uint32_t)below(w, 30)};
    weir *handle;
    if (weir_open_sqlite(w->database, &options, &handle) != WEIR_OK)
        fail_msg("%s", weir_last_error());
    if (weir_attach_postgres(handle, "central", w->server->conninfo, &w->options) != WEIR_OK)
        fail_msg("%s", weir_last_error());
    for (int i = 0; i < w->tables; i++)
        declare(handle, &w->table[i]);
    return handle;
}

/* Into both, by one journal, in transactions and openings of random length. */
static void append_all(world *w) {
    weir *handle = open_both(w);
    for (int n = 1; n <= w->count; n++) {
        weir_value values[COLUMNS + 2] = {weir_int(n), weir_int(w->rows[n].u)};
        const table *t = w->rows[n].table;
        memcpy(values + 2, w->rows[n].value, sizeof w->rows[n].value);
        assert_int_equal(weir_append_row(t->handle, values, (size_t)t->columns + 2, NULL), WEIR_OK);
        if (one_in(w, 60)) assert_int_equal(weir_sync(handle, WEIR_APPLIED, WAIT_MS), WEIR_OK);
        if (!one_in(w, 400)) continue;
        assert_true(weir_close(handle) >= 0);
        handle = open_both(w);
    }
    assert_int_equal(weir_sync(handle, WEIR_APPLIED, WAIT_MS), WEIR_OK);
    int status = weir_wait_sink(handle, "central", NULL, WAIT_MS);
    struct weir_sink_stats stats;
    assert_int_equal(weir_sink_stats(handle, "central", &stats), WEIR_OK);
    if (status != WEIR_OK)
        fail_msg("seed %llu: %s", (unsigned long long)w->seed,
                 weir_status_text(stats.apply_status));
    assert_int_equal(weir_close(handle), WEIR_OK);
}

/* ---- what came out ----------------------------------------------------------------------------- */

static void wrong(const world *w, int n, const char *what) {
    const row *r = &w->rows[n];
    char values[2000] = "";
    for (int i = 0; i < r->table->columns; i++) {
        const weir_value *v = &r->value[i];
        const column *c = &r->table->column[i];
        size_t at = strlen(values);
        (void)snprintf(values + at, sizeof values - at, "\n  %s %s%s%s: type %u, ", c->name,
                       kinds[c->kind].server, c->strict ? "" : " made", r->wild[i] ? " wild" : "",
                       v->type);
        at = strlen(values);
        if (v->type == WEIR_INTEGER)
            (void)snprintf(values + at, sizeof values - at, "%lld", (long long)v->as.integer);
        else if (v->type == WEIR_REAL)
            (void)snprintf(values + at, sizeof values - at, "%.17g", v->as.real);
        else
            (void)snprintf(values + at, sizeof values - at, "%u bytes: %.60s", v->length,
                           v->type == WEIR_NULL ? "NULL" : (const char *)v->as.bytes);
        for (int side = 0; side < SIDES; side++) {
            const result *x = &r->result[side][i];
            at = strlen(values);
            (void)snprintf(values + at, sizeof values - at, " | form %d %lld %.17g %.40s",
                           (int)x->form, (long long)x->integer, x->real, x->bytes ? x->bytes : "");
        }
    }
    fail_msg("seed %llu, row %d of table %s%s (u %lld): %s; SQLite %d %s; PostgreSQL %d %s%s",
             (unsigned long long)w->seed, n, r->table->name, r->table->trigger ? ", trigger" : "",
             (long long)r->u, what, (int)r->state[SQLITE], r->why[SQLITE], (int)r->state[SERVER],
             r->why[SERVER], values);
}

static row *row_at(world *w, int64_t n, int side, form state) {
    if (n < 1 || n > w->count)
        fail_msg("seed %llu: a row %lld", (unsigned long long)w->seed, (long long)n);
    row *r = &w->rows[n];
    if (r->state[side] != NOTHING) wrong(w, (int)n, "it is there twice");
    r->state[side] = state;
    return r;
}

static result of_sqlite(world *w, sqlite3_stmt *s, int i) {
    result r = {0};
    switch (sqlite3_column_type(s, i)) {
    case SQLITE_INTEGER: return (result){.form = IS_INTEGER, .integer = sqlite3_column_int64(s, i)};
    case SQLITE_FLOAT: return (result){.form = IS_REAL, .real = sqlite3_column_double(s, i)};
    case SQLITE_NULL: return (result){.form = IS_NULL};
    case SQLITE_TEXT: r.form = IS_TEXT; break;
    default: r.form = IS_BLOB;
    }
    const void *bytes = sqlite3_column_blob(s, i);
    r.length = (size_t)sqlite3_column_bytes(s, i);
    r.bytes = keep(w, bytes, r.length);
    return r;
}

static void read_sqlite_table(world *w, const table *t) {
    char sql[200];
    sqlite3_stmt *s;
    (void)snprintf(sql, sizeof sql, "SELECT n%s%s%s%s FROM %s", t->columns > 0 ? ",c0" : "",
                   t->columns > 1 ? ",c1" : "", t->columns > 2 ? ",c2" : "",
                   t->columns > 3 ? ",c3" : "", t->name);
    assert_int_equal(sqlite3_prepare_v2(w->db, sql, -1, &s, NULL), SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW) {
        row *r = row_at(w, sqlite3_column_int64(s, 0), SQLITE, IS_INTEGER);
        for (int i = 0; i < t->columns; i++)
            r->result[SQLITE][i] = of_sqlite(w, s, i + 1);
    }
    assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
}

static void note_refused(world *w, int side, int64_t n, const char *values, const char *why) {
    row *r = row_at(w, n, side, REFUSED);
    (void)snprintf(r->why[side], sizeof r->why[side], "%s", why);
    if (values && strtoll(values, NULL, 10) != n)
        wrong(w, (int)n, "weir_reject has another row's number");
    for (int i = 0; i < COLUMNS; i++)
        r->result[side][i].form = REFUSED;
}

static void read_sqlite(world *w) {
    sqlite3_stmt *s;
    for (int i = 0; i < w->tables; i++)
        read_sqlite_table(w, &w->table[i]);
    if (sqlite3_prepare_v2(w->db, "SELECT row, \"values\", message FROM weir_reject", -1, &s, NULL))
        return;
    while (sqlite3_step(s) == SQLITE_ROW)
        note_refused(w, SQLITE, sqlite3_column_int64(s, 0), (const char *)sqlite3_column_text(s, 1),
                     (const char *)sqlite3_column_text(s, 2));
    assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
}

static PGresult *ask(const world *w, const char *sql) {
    PGresult *r = PQexec(w->c, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) fail_msg("%s: %s", sql, PQresultErrorMessage(r));
    return r;
}

static result of_server(world *w, const PGresult *r, int at, int field, kind k) {
    const char *text = PQgetvalue(r, at, field);
    size_t length = (size_t)PQgetlength(r, at, field);
    result out = {.form = IS_TEXT, .length = length};
    if (PQgetisnull(r, at, field)) return (result){.form = IS_NULL};
    if (is_int_kind(k)) return (result){.form = IS_INTEGER, .integer = strtoll(text, NULL, 10)};
    if (k == BOOLEAN) return (result){.form = IS_INTEGER, .integer = text[0] == 't'};
    if (is_float_kind(k)) {
        uint64_t bits = strtoull(text + 2, NULL, 16); /* float8send */
        out.form = IS_REAL;
        memcpy(&out.real, &bits, sizeof out.real);
        return out;
    }
    out.bytes = keep(w, text, length);
    if (k != BYTEA) return out;
    out.form = IS_BLOB;
    out.length = weir_hex_read(text + 2, (uint8_t *)out.bytes, length);
    return out;
}

static void read_server_table(world *w, const table *t) {
    char sql[300] = "SELECT n";
    for (int i = 0; i < t->columns; i++)
        (void)snprintf(sql + strlen(sql), sizeof sql - strlen(sql),
                       is_float_kind(t->column[i].kind) ? ", float8send(c%d)" : ", c%d", i);
    (void)snprintf(sql + strlen(sql), sizeof sql - strlen(sql), " FROM %s", t->name);
    PGresult *r = ask(w, sql);
    for (int at = 0; at < PQntuples(r); at++) {
        row *to = row_at(w, strtoll(PQgetvalue(r, at, 0), NULL, 10), SERVER, IS_INTEGER);
        for (int i = 0; i < t->columns; i++)
            to->result[SERVER][i] = of_server(w, r, at, i + 1, t->column[i].kind);
    }
    PQclear(r);
}

static void read_server(world *w) {
    for (int i = 0; i < w->tables; i++)
        read_server_table(w, &w->table[i]);
    PGresult *r = ask(w, "SELECT \"row\", \"values\", code || ' ' || message FROM weir_reject");
    for (int at = 0; at < PQntuples(r); at++)
        note_refused(w, SERVER, strtoll(PQgetvalue(r, at, 0), NULL, 10),
                     PQgetisnull(r, at, 1) ? NULL : PQgetvalue(r, at, 1), PQgetvalue(r, at, 2));
    PQclear(r);
}

/* ---- the judgement ----------------------------------------------------------------------------- */

static bool equal(const result *a, const result *b) {
    char text[32];
    if (a->form == IS_INTEGER && b->form == IS_TEXT) { /* a numeric */
        (void)snprintf(text, sizeof text, "%lld", (long long)a->integer);
        return same_text(b, text);
    }
    if (a->form != b->form) return false;
    if (a->form == IS_INTEGER) return a->integer == b->integer;
    if (a->form == IS_REAL) return same_real(a, b->real);
    if (a->form == IS_TEXT || a->form == IS_BLOB)
        return same_bytes(a, a->form, b->bytes, b->length);
    return true;
}

static cell cell_of(world *w, int n, int i) {
    const row *r = &w->rows[n];
    return (cell){w, &r->table->column[i], &r->value[i], &r->result[SQLITE][i],
                  &r->result[SERVER][i]};
}

/* The one difference that a value of this kind makes in this column, if any. */
static struct difference *difference_of(world *w, int n, int i) {
    cell c = cell_of(w, n, i);
    struct difference *found = NULL;
    if (!w->rows[n].wild[i]) return NULL;
    for (size_t d = 0; d < COUNT(differences); d++) {
        if (!differences[d].applies(&c)) continue;
        if (found)
            fail_msg("seed %llu, row %d: %s and %s", (unsigned long long)w->seed, n, found->title,
                     differences[d].title);
        found = &differences[d];
    }
    return found;
}

static void judge_value(world *w, int n, int i, bool alone) {
    struct difference *d = difference_of(w, n, i);
    cell c = cell_of(w, n, i);
    if (!d) {
        if (!equal(c.sqlite, c.server)) wrong(w, n, "it differs in a way that is not listed");
        return;
    }
    if (!d->said(&c)) wrong(w, n, d->title);
    if (alone && !equal(c.sqlite, c.server)) d->hits++;
}

static int wild_values(const row *r) {
    int wild = 0;
    for (int i = 0; i < r->table->columns; i++)
        wild += r->wild[i];
    return wild;
}

/* Refused by one of them, and several values could be why: one of them is. */
static void judge_refusal(world *w, int n) {
    bool explained = false;
    for (int i = 0; i < w->rows[n].table->columns; i++) {
        struct difference *d = difference_of(w, n, i);
        cell c = cell_of(w, n, i);
        explained |= d && d->said(&c);
    }
    if (!explained) wrong(w, n, "one of them refused it, for a reason that is not listed");
}

static void judge_values(world *w, int n) {
    row *r = &w->rows[n];
    int wild = wild_values(r);
    bool refused[SIDES] = {r->state[SQLITE] == REFUSED, r->state[SERVER] == REFUSED};
    if (r->state[SQLITE] == NOTHING || r->state[SERVER] == NOTHING) wrong(w, n, "it is lost");
    if (wild > 1 && refused[SQLITE] && refused[SERVER]) return;
    if (wild > 1 && (refused[SQLITE] || refused[SERVER])) {
        judge_refusal(w, n);
        return;
    }
    for (int i = 0; i < r->table->columns; i++)
        if (r->wild[i] || !(refused[SQLITE] || refused[SERVER])) judge_value(w, n, i, wild == 1);
    if (!wild && refused[SQLITE] != refused[SERVER]) wrong(w, n, "one of them refused a plain row");
}

/* What the constraints of both say, by what each of them has taken so far. */
typedef struct keys {
    bool taken[TABLES][SIDES][200];
} keys;

static void judge_row(world *w, int n, keys *k) {
    row *r = &w->rows[n];
    const table *t = r->table;
    bool broken[SIDES];
    if (t->trigger && n % 7 == 0) {
        if (r->state[SQLITE] == IS_INTEGER || r->state[SERVER] == IS_INTEGER)
            wrong(w, n, "the trigger drops it");
        if (r->state[SQLITE] == NOTHING && r->state[SERVER] == NOTHING) return;
        if (!wild_values(r)) wrong(w, n, "it is refused, and should be dropped");
        if (r->state[SQLITE] != r->state[SERVER]) differences[TRIGGER_FIRST].hits++;
        return;
    }
    if (t->trigger && n % 11 == 0) {
        if (r->state[SQLITE] != REFUSED || r->state[SERVER] != REFUSED)
            wrong(w, n, "the trigger raises");
        return;
    }
    for (int side = 0; side < SIDES; side++) {
        bool *taken = &k->taken[t - w->table][side][r->u];
        broken[side] = ((t->parent || t->keyed) && *taken) ||
                       (t->child && !k->taken[0][side][r->u]) || (t->checked && r->u >= 90);
        if (broken[side] && r->state[side] != REFUSED) wrong(w, n, "a constraint is broken");
        *taken |= r->state[side] == IS_INTEGER;
    }
    if (!broken[SQLITE] && !broken[SERVER]) judge_values(w, n);
    if (broken[SQLITE] != broken[SERVER] && r->state[SQLITE] != r->state[SERVER])
        differences[KEY_FOLLOWS].hits++;
}

static void judge_undeclared(world *w, const table *t) {
    char sql[300];
    if (!t->made) {
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM %s WHERE d IS NULL OR d <> 7 OR g <> n * 2", t->name);
        assert_int_equal(weir_sql_int(w->database, sql), 0);
        PGresult *r = ask(w, sql);
        assert_string_equal(PQgetvalue(r, 0, 0), "0");
        PQclear(r);
        (void)snprintf(sql, sizeof sql, "SELECT count(*) = coalesce(max(rowid), 0) FROM %s",
                       t->name);
        assert_int_equal(weir_sql_int(w->database, sql), 1);
        if (t->parted) return;
        (void)snprintf(
            sql, sizeof sql,
            "SELECT count(*) <> coalesce(max(id), 0), count(DISTINCT id) = count(*),"
            " NOT EXISTS (SELECT FROM (SELECT id, lag(id) OVER (ORDER BY n) AS l FROM %s) x"
            " WHERE l >= id) FROM %s",
            t->name, t->name);
        r = ask(w, sql);
        assert_string_equal(PQgetvalue(r, 0, 1), "t");
        assert_string_equal(PQgetvalue(r, 0, 2), "t");
        if (PQgetvalue(r, 0, 0)[0] == 't') differences[IDENTITY_GAPS].hits++;
        PQclear(r);
    } else if (w->options.row_numbers) {
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE weir_row IS DISTINCT FROM n",
                       t->name);
        PGresult *r = ask(w, sql);
        assert_string_equal(PQgetvalue(r, 0, 0), "0");
        PQclear(r);
    }
}

static int run_world(pg_server *server, uint64_t seed, int rows) {
    world *w = calloc(1, sizeof *w);
    keys k = {0};
    char sql[100];
    assert_non_null(w);
    seed_at_work = w->seed = seed;
    w->rng.state = seed;
    w->server = server;
    w->count = rows / 2 + (int)below(w, (uint64_t)rows / 2);
    w->rows = calloc((size_t)w->count + 1, sizeof *w->rows);
    assert_non_null(w->rows);
    w->directory = weir_temp_make();
    (void)snprintf(w->database, sizeof w->database, "%s/run.db", w->directory);
    pg_server_run(server, w->seed & 1
                              ? "ALTER DATABASE postgres SET standard_conforming_strings = off"
                              : "ALTER DATABASE postgres RESET standard_conforming_strings");
    w->c = pg_server_connect(server);
    run_on_server(w, "SET client_min_messages = error");
    make_world(w);
    for (int n = 1; n <= w->count; n++)
        make_row(w, n);
    append_all(w);
    assert_int_equal(sqlite3_open(w->database, &w->db), SQLITE_OK);
    read_sqlite(w);
    read_server(w);
    for (int n = 1; n <= w->count; n++)
        judge_row(w, n, &k);
    for (int i = 0; i < w->tables; i++)
        judge_undeclared(w, &w->table[i]);
    int count = w->count;
    (void)snprintf(sql, sizeof sql, "DROP SCHEMA %s CASCADE", w->schema);
    run_on_server(w, sql);
    assert_int_equal(sqlite3_close(w->db), SQLITE_OK);
    PQfinish(w->c);
    char *directory = strdup(w->database);
    *strrchr(directory, '/') = '\0';
    weir_temp_remove(directory);
    free(directory);
    for (size_t i = 0; i < w->pieces; i++)
        free(w->memory[i]);
    free(w->rows);
    free(w);
    return count;
}

/* ---- the tests --------------------------------------------------------------------------------- */

static long seconds_given = -1;
static uint64_t first_seed = 1;

static void test_what_comes_out(void **state) {
    (void)state;
    if (pg_server_missing()) {
        print_message("skipped: %s\n", pg_server_missing());
        skip();
    }
    static pg_server server;
    time_t until = time(NULL) + (seconds_given > 0 ? seconds_given : 0);
    long rows = 0;
    uint64_t seed = first_seed, worlds = seconds_given < 0 ? SUITE : 1;
    pg_server_make(&server, NULL);
    for (; worlds > 0 || time(NULL) < until; seed++, worlds -= worlds > 0)
        rows += run_world(&server, seed, ROWS);
    pg_server_free(&server);
    print_message("%llu worlds, %ld rows\n", (unsigned long long)(seed - first_seed), rows);
    for (size_t d = 0; d < COUNT(differences); d++)
        print_message("%8lu  %s\n", differences[d].hits, differences[d].title);
    for (size_t d = 0; d < COUNT(differences); d++)
        if (!differences[d].hits && seconds_given != 0 &&
            !(differences[d].applies == is_last_bit && sqlite_is_exact()))
            fail_msg("never seen: %s", differences[d].title);
}

/* Each of them is a row of the table, and the table has no other. */
static void test_the_document_lists_them(void **state) {
    (void)state;
    char *text = weir_file_text(WEIR_SOURCE_DIR "/docs/POSTGRES.md"), line[300];
    char *at = strstr(text, "## What SQLite and PostgreSQL do differently");
    assert_non_null(at);
    char *end = strstr(at, "\nBeside values:");
    assert_non_null(end);
    *end = '\0';
    for (size_t d = 0; d < COUNT(differences); d++) {
        (void)snprintf(line, sizeof line, "\n| %s | ", differences[d].title);
        if (!strstr(at, line)) fail_msg("docs/POSTGRES.md does not list: %s", differences[d].title);
    }
    size_t rows = 0;
    for (at = strstr(at, "\n| "); at; at = strstr(at + 1, "\n| "))
        rows++;
    assert_int_equal(rows, COUNT(differences) + 1); /* and its head */
    free(text);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_out),
        cmocka_unit_test(test_the_document_lists_them),
    };
    if (argc > 1) seconds_given = strtol(argv[1], NULL, 10);
    if (argc > 2) first_seed = strtoull(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
