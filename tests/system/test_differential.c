/* test_differential.c - random schemas and rows by seed: what comes out of weir, at random batchings and
 * over kills, is what plain SQLite makes of the same rows, one at a time.
 *
 *     test_differential                  the schemas of the suite
 *     test_differential SECONDS [SEED]   as many as the time allows, from this seed on
 *     test_differential 0 SEED           this one again
 */
#include "support.h"

#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weir/sqlite.h>

#include "rows.h"

enum { TABLES = 5, COLUMNS = 6, ROWS = 400, SUITE = 200 };

typedef struct field {
    char name[16];
    const char *type;
    bool unique; /* a foreign key may refer to it */
    bool integer_key;
} field;

typedef struct table {
    char name[16];
    field column[COLUMNS];
    int columns;   /* those that are declared and given */
    bool rowless;  /* WITHOUT ROWID */
    bool sequence; /* AUTOINCREMENT */
    bool made;     /* by weir, for the declaration */
    bool strict;
} table;

typedef struct row {
    int table;
    weir_value value[COLUMNS];
} row;

typedef struct refused {
    int64_t row;
    int code;
    char message[300];
} refused;

typedef struct world {
    uint64_t seed;
    weir_rng rng;
    sqlite3_str *sql; /* the whole schema */
    table table[TABLES];
    int tables;
    row rows[ROWS];
    int count;
    refused refused[ROWS];
    int refusals;
    const char *directory;
    char ours[300], theirs[300];
} world;

static const char *schema_text; /* for the message when something fails */
static uint64_t seed_at_work;

static void wrong(const char *what) {
    fail_msg("seed %llu: %s\n%s", (unsigned long long)seed_at_work, what,
             schema_text ? schema_text : "");
}

/* ---- chance ----------------------------------------------------------------------------------- */

static uint64_t below(world *w, uint64_t limit) { return weir_rng_below(&w->rng, limit); }
static bool one_in(world *w, uint64_t n) { return below(w, n) == 0; }

#define PICK(w, list) (list)[below(w, sizeof(list) / sizeof *(list))]

/* ---- a schema ---------------------------------------------------------------------------------- */

static const char *conflict(world *w) {
    static const char *const clauses[] = {"",
                                          "",
                                          "",
                                          "",
                                          " ON CONFLICT ABORT",
                                          " ON CONFLICT FAIL",
                                          " ON CONFLICT IGNORE",
                                          " ON CONFLICT REPLACE",
                                          " ON CONFLICT ROLLBACK"};
    return PICK(w, clauses);
}

/* What a foreign key may refer to, or NULL. */
static const field *choose_parent(world *w, const table *of, const table **parent) {
    const field *unique[COLUMNS];
    size_t found = 0;
    *parent = &w->table[below(w, (uint64_t)w->tables + 1)]; /* itself, too */
    for (int i = 0; i < (*parent)->columns; i++)
        if ((*parent)->column[i].unique) unique[found++] = &(*parent)->column[i];
    if (!found || (*parent == of && !one_in(w, 3))) return NULL;
    return unique[below(w, found)];
}

static void add_reference(world *w, const table *parent, const field *key) {
    static const char *const actions[] = {"",
                                          "",
                                          " ON DELETE CASCADE",
                                          " ON DELETE SET NULL",
                                          " ON DELETE SET DEFAULT",
                                          " ON DELETE RESTRICT",
                                          " ON UPDATE CASCADE"};
    sqlite3_str_appendf(w->sql, " REFERENCES %s(%s)%s%s", parent->name, key->name, PICK(w, actions),
                        one_in(w, 3) ? " DEFERRABLE INITIALLY DEFERRED" : "");
}

static void add_column(world *w, table *t, int i) {
    static const char *const loose[] = {"",     "INTEGER", "TEXT",        "REAL",
                                        "BLOB", "NUMERIC", "VARCHAR(10)", "DATETIME"};
    static const char *const strict[] = {"INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"};
    static const char *const checks[] = {"%s <> 3", "typeof(%s) <> 'blob'", "length(%s) < 6",
                                         "json_valid(%s) OR %s > 0", "%s IS NOT 'two'"};
    field *c = &t->column[i];
    (void)snprintf(c->name, sizeof c->name, "%c%d", 'a' + i, i);
    const table *parent = NULL;
    const field *key = one_in(w, 4) ? choose_parent(w, t, &parent) : NULL;
    /* Of another type than its parent's, SQLite judges a key by how the statement is written. */
    c->type = key ? key->type : t->strict ? PICK(w, strict) : PICK(w, loose);
    sqlite3_str_appendf(w->sql, "%s%s %s", i ? ", " : "", c->name, c->type);
    if (one_in(w, 5)) {
        sqlite3_str_appendf(w->sql, " UNIQUE%s", conflict(w));
        c->unique = true;
    }
    if (one_in(w, 7)) sqlite3_str_appendf(w->sql, " NOT NULL%s DEFAULT 7", conflict(w));
    if (one_in(w, 8)) {
        sqlite3_str_appendall(w->sql, " CHECK(");
        sqlite3_str_appendf(w->sql, PICK(w, checks), c->name, c->name);
        sqlite3_str_appendall(w->sql, ")");
    }
    if (one_in(w, 8)) sqlite3_str_appendall(w->sql, " COLLATE NOCASE");
    if (key) add_reference(w, parent, key);
}

static void add_key(world *w, table *t) {
    field *c = &t->column[0];
    (void)snprintf(c->name, sizeof c->name, "id");
    c->unique = true;
    t->rowless = one_in(w, 4);
    c->integer_key = !t->rowless && !one_in(w, 3);
    t->sequence = c->integer_key && one_in(w, 4);
    c->type = c->integer_key || one_in(w, 2) ? "INTEGER" : "TEXT";
    sqlite3_str_appendf(w->sql, "id %s PRIMARY KEY%s%s", c->type, conflict(w),
                        t->sequence ? " AUTOINCREMENT" : "");
    if (t->rowless) sqlite3_str_appendall(w->sql, " NOT NULL");
}

static void add_generated(world *w, const table *t) {
    static const char *const kinds[] = {"VIRTUAL", "STORED"};
    sqlite3_str_appendf(w->sql, ", g %s AS (coalesce(%s, 'none') || 'x') %s",
                        t->strict ? "TEXT" : "", t->column[t->columns - 1].name, PICK(w, kinds));
}

static void add_index(world *w, const table *t) {
    const field *c = &t->column[below(w, (uint64_t)t->columns)];
    const char *unique = one_in(w, 3) ? "UNIQUE " : "";
    int number = (int)below(w, 1000000);
    switch (below(w, 4)) {
    case 0:
        sqlite3_str_appendf(w->sql, "CREATE %sINDEX i%d ON %s(%s) WHERE %s > 5;\n", unique, number,
                            t->name, c->name, c->name);
        break;
    case 1:
        sqlite3_str_appendf(w->sql, "CREATE %sINDEX i%d ON %s(lower(%s), typeof(%s));\n", unique,
                            number, t->name, c->name, t->column[0].name);
        break;
    default:
        sqlite3_str_appendf(w->sql, "CREATE %sINDEX i%d ON %s(%s, %s);\n", unique, number, t->name,
                            c->name, t->column[0].name);
    }
}

static void add_step(world *w, const table *t, const table *other) {
    const char *mine = t->column[below(w, (uint64_t)t->columns)].name;
    const char *theirs = other->column[below(w, (uint64_t)other->columns)].name;
    static const char *const verbs[] = {"INSERT", "INSERT OR IGNORE", "INSERT OR REPLACE",
                                        "INSERT OR FAIL", "INSERT OR ROLLBACK"};
    static const char *const raises[] = {"IGNORE", "ABORT, 'no'", "FAIL, 'no'", "ROLLBACK, 'no'"};
    switch (below(w, 6)) {
    case 0:
        sqlite3_str_appendf(w->sql, " UPDATE %s SET %s = NEW.%s WHERE rowid %% 3 = 0;", other->name,
                            theirs, mine);
        break;
    case 1:
        sqlite3_str_appendf(w->sql, " DELETE FROM %s WHERE %s = NEW.%s;", other->name, theirs,
                            mine);
        break;
    case 2:
        sqlite3_str_appendf(w->sql, " SELECT RAISE(%s) WHERE NEW.%s = %d;", PICK(w, raises), mine,
                            (int)below(w, 12));
        break;
    case 3:
        sqlite3_str_appendf(
            w->sql, " INSERT INTO log VALUES('%s', NEW.%s, changes(), last_insert_rowid());",
            t->name, mine);
        break;
    default:
        sqlite3_str_appendf(w->sql, " %s INTO %s(%s) VALUES(NEW.%s);", PICK(w, verbs), other->name,
                            theirs, mine);
    }
}

/* Triggers go from a table to a later one, or they would never end. */
static void add_trigger(world *w, int from) {
    static const char *const moments[] = {"BEFORE", "AFTER"};
    const table *t = &w->table[from];
    const table *other = &w->table[from + (int)below(w, (uint64_t)(w->tables - from))];
    sqlite3_str_appendf(w->sql, "CREATE TRIGGER g%d %s INSERT ON %s", (int)below(w, 1000000),
                        PICK(w, moments), t->name);
    if (one_in(w, 2)) sqlite3_str_appendf(w->sql, " WHEN NEW.%s > 8", t->column[0].name);
    sqlite3_str_appendall(w->sql, " BEGIN");
    for (uint64_t i = 0, n = 1 + below(w, 2); i < n; i++)
        add_step(w, t, other);
    sqlite3_str_appendall(w->sql, " END;\n");
}

static void add_table(world *w) {
    table *t = &w->table[w->tables];
    (void)snprintf(t->name, sizeof t->name, "t%u", (unsigned)w->tables);
    t->columns = 1 + (int)below(w, COLUMNS);
    t->made = one_in(w, 6);
    t->strict = !t->made && one_in(w, 6);
    sqlite3_str_appendf(w->sql, "CREATE TABLE %s(", t->name);
    for (int i = 0; i < t->columns; i++) {
        if (t->made) {
            (void)snprintf(t->column[i].name, sizeof t->column[i].name, "%c%d", 'a' + i, i);
            sqlite3_str_appendf(w->sql, "%s\"%s\" INTEGER", i ? "," : "", t->column[i].name);
        } else if (i == 0 && !one_in(w, 3)) {
            add_key(w, t);
        } else {
            add_column(w, t, i);
        }
    }
    if (!t->made && one_in(w, 6)) add_generated(w, t);
    sqlite3_str_appendf(w->sql, ")%s%s%s;\n", t->strict ? " STRICT" : "",
                        t->strict && t->rowless ? "," : "", t->rowless ? " WITHOUT ROWID" : "");
    w->tables++;
}

static void make_schema(world *w) {
    static const char *const encodings[] = {"UTF-8", "UTF-8", "UTF-16le", "UTF-16be"};
    sqlite3_str_appendf(w->sql, "PRAGMA encoding='%s'; PRAGMA page_size=%d;\n", PICK(w, encodings),
                        512 << below(w, 8));
    sqlite3_str_appendall(w->sql, "CREATE TABLE log(t, v, n, r);\n");
    for (uint64_t n = 1 + below(w, TABLES); n > 0; n--)
        add_table(w);
    for (int i = 0; i < w->tables; i++) {
        if (w->table[i].made) continue;
        if (one_in(w, 3)) add_index(w, &w->table[i]);
        if (one_in(w, 3)) add_trigger(w, i);
    }
}

/* ---- rows -------------------------------------------------------------------------------------- */

static weir_value any_value(world *w) {
    static const char *const texts[] = {"one",
                                        "two",
                                        "ONE",
                                        "",
                                        "12",
                                        " 5",
                                        "1e1",
                                        "7.0",
                                        "{\"x\":1}",
                                        "\xC3\xA9t\xC3\xA9",
                                        "\xF0\x9F\x8E\xB2",
                                        "\xFFrot",
                                        "{"};
    static const double reals[] = {0.5, 2.0, -0.0, 1e300, 7.0, 3.25};
    switch (below(w, 12)) {
    case 0: return weir_null();
    case 1: return weir_real(PICK(w, reals));
    case 2: return weir_blob("\0\1\xFF", below(w, 4));
    case 3: return one_in(w, 4) ? weir_text_n("a\0b", 3) : weir_real(one_in(w, 2) ? NAN : INFINITY);
    case 4:
    case 5: return weir_text(PICK(w, texts));
    default: return weir_int((int64_t)below(w, 30));
    }
}

static weir_value value_for(world *w, const table *t, const field *c) {
    if (c->integer_key && one_in(w, 3)) return weir_null(); /* SQLite chooses */
    if (t->sequence && c->integer_key && one_in(w, 150)) return weir_int(INT64_MAX);
    if (c->integer_key && !one_in(w, 8)) return weir_int((int64_t)below(w, 400));
    if (t->strict && c->type && !one_in(w, 6)) {
        if (strcmp(c->type, "TEXT") == 0) return weir_text("text");
        if (strcmp(c->type, "BLOB") == 0) return weir_blob("blob", below(w, 5));
        return weir_int((int64_t)below(w, 30));
    }
    return any_value(w);
}

/* Runs of a table, as programs write them, and by turns. */
static void make_rows(world *w) {
    int at = (int)below(w, (uint64_t)w->tables);
    bool runs = one_in(w, 2);
    w->count = 20 + (int)below(w, ROWS - 20);
    for (int i = 0; i < w->count; i++) {
        if (!runs || one_in(w, 20)) at = (int)below(w, (uint64_t)w->tables);
        row *r = &w->rows[i];
        r->table = at;
        for (int c = 0; c < w->table[at].columns; c++)
            r->value[c] = value_for(w, &w->table[at], &w->table[at].column[c]);
    }
}

/* ---- plain SQLite ------------------------------------------------------------------------------- */

static sqlite3 *connect_to(const char *path) {
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK) wrong("open");
    (void)sqlite3_extended_result_codes(db, 1);
    if (sqlite3_exec(db, "PRAGMA foreign_keys=ON; PRAGMA synchronous=OFF", NULL, NULL, NULL))
        wrong(sqlite3_errmsg(db));
    return db;
}

/* Not all that chance puts together is SQL. A statement that is none is left out of both. */
static void run_schema(sqlite3 *db, const world *w, bool theirs) {
    const char *at = schema_text;
    while (at && *at) {
        sqlite3_stmt *s = NULL;
        const char *begin = at;
        bool weirs = false;
        if (sqlite3_prepare_v2(db, at, -1, &s, &at) != SQLITE_OK) {
            at = strchr(begin, '\n');
            if (at) at++;
        }
        for (int i = 0; i < w->tables && !theirs; i++) {
            char head[32];
            (void)snprintf(head, sizeof head, "CREATE TABLE %s(", w->table[i].name);
            weirs |=
                w->table[i].made && strncmp(begin + strspn(begin, " \n"), head, strlen(head)) == 0;
        }
        if (s && !weirs) (void)sqlite3_step(s);
        (void)sqlite3_finalize(s);
    }
}

static bool exists(sqlite3 *db, const char *name) {
    return sqlite3_table_column_metadata(db, "main", name, NULL, NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_OK;
}

static sqlite3_stmt *insert_into(sqlite3 *db, const table *t) {
    sqlite3_stmt *s;
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "INSERT INTO %s(", t->name);
    for (int i = 0; i < t->columns; i++)
        sqlite3_str_appendf(sql, "%s%s", i ? "," : "", t->column[i].name);
    sqlite3_str_appendall(sql, ") VALUES(");
    for (int i = 0; i < t->columns; i++)
        sqlite3_str_appendall(sql, i ? ",?" : "?");
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    int code = sqlite3_prepare_v2(db, text, -1, &s, NULL);
    sqlite3_free(text);
    return code == SQLITE_OK ? s : NULL;
}

static void note_refused(world *w, sqlite3 *db, int number) {
    refused *r = &w->refused[w->refusals++];
    r->row = number;
    r->code = sqlite3_extended_errcode(db);
    (void)snprintf(r->message, sizeof r->message, "%s", sqlite3_errmsg(db));
}

static void insert_plainly(world *w, sqlite3 *db, sqlite3_stmt *s, int i) {
    const table *t = &w->table[w->rows[i].table];
    for (int c = 0; c < t->columns; c++)
        rows_bind(s, c + 1, &w->rows[i].value[c]);
    (void)sqlite3_exec(db, "DELETE FROM log WHERE 0; SAVEPOINT one", NULL, NULL, NULL);
    sqlite3_set_last_insert_rowid(db, 0);
    bool in = sqlite3_step(s) == SQLITE_DONE;
    if (!in) note_refused(w, db, i + 1);
    (void)sqlite3_reset(s);
    if (in && sqlite3_exec(db, "RELEASE one", NULL, NULL, NULL) == SQLITE_OK) return;
    if (in) note_refused(w, db, i + 1);
    if (!sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, "ROLLBACK TO one; RELEASE one", NULL, NULL, NULL);
}

/* SQLite 3.40 itself makes an index over typeof() that does not fit its table. */
static bool is_whole(sqlite3 *db) {
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL) != SQLITE_OK)
        wrong(sqlite3_errmsg(db));
    bool whole =
        sqlite3_step(s) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
    (void)sqlite3_finalize(s);
    return whole;
}

/* False: chance made a table that takes no row at all (a trigger that does not compile), or a database
 * that SQLite itself finds fault with. */
static bool apply_plainly(world *w) {
    sqlite3 *db = connect_to(w->theirs);
    sqlite3_stmt *insert[TABLES] = {NULL};
    bool sound = true;
    run_schema(db, w, true);
    for (int i = 0; i < w->tables; i++) {
        insert[i] = insert_into(db, &w->table[i]);
        sound = sound && insert[i];
    }
    for (int i = 0; i < w->count && sound; i++)
        insert_plainly(w, db, insert[w->rows[i].table], i);
    for (int i = 0; i < w->tables; i++)
        (void)sqlite3_finalize(insert[i]);
    sound = sound && is_whole(db);
    (void)sqlite3_close(db);
    return sound;
}

/* ---- weir --------------------------------------------------------------------------------------- */

typedef struct session {
    weir *w;
    weir_table *table[TABLES];
} session;

static void begin_session(const world *w, session *s) {
    weir_options o = {.lanes_max = 4,
                      .lane_bytes = 1 << 16,
                      .segment_bytes = 1 << 20,
                      .open_timeout_ms = 60000,
                      .apply_linger_ms = 5,
                      .linger_ms = 2};
    if (weir_open_sqlite(w->ours, &o, &s->w) != WEIR_OK) wrong(weir_last_error());
    for (int i = 0; i < w->tables; i++) {
        weir_column column[COLUMNS];
        const table *t = &w->table[i];
        for (int c = 0; c < t->columns; c++)
            column[c] = (weir_column){t->column[c].name, WEIR_INTEGER};
        if (weir_declare(s->w, t->name, column, (size_t)t->columns, &s->table[i]) != WEIR_OK)
            wrong(weir_last_error());
    }
}

static void sync_all(const session *s) {
    if (weir_sync(s->w, WEIR_APPLIED, 60000) != WEIR_OK) wrong(weir_last_error());
}

/* Rows from … to - 1, with a rest after about so many of them. */
static void append_rows(world *w, const session *s, int from, int to, uint64_t rest) {
    for (int i = from; i < to; i++) {
        const row *r = &w->rows[i];
        if (weir_append_row(s->table[r->table], r->value, (size_t)w->table[r->table].columns, NULL))
            wrong("append");
        if (rest && one_in(w, rest)) sync_all(s);
    }
}

/* A process that appends and is killed. */
static void live_and_die(world *w, int from, int to, uint64_t rest) {
    pid_t child = fork();
    if (child == 0) {
        session s;
        begin_session(w, &s);
        append_rows(w, &s, from, to, rest);
        (void)raise(SIGKILL);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSIGNALED(status) ||
        WTERMSIG(status) != SIGKILL)
        wrong("a process that was to be killed ended otherwise");
}

static void live(world *w, int from, int to, uint64_t rest) {
    session s;
    begin_session(w, &s);
    append_rows(w, &s, from, to, rest);
    sync_all(&s);
    if (weir_close(s.w) != WEIR_OK) wrong(weir_last_error());
}

static void apply_by_weir(world *w) {
    static const uint64_t rests[] = {0, 0, 3, 20, 100};
    sqlite3 *db = connect_to(w->ours);
    run_schema(db, w, false);
    (void)sqlite3_close(db);
    for (int at = 0, to; at < w->count; at = to) {
        to = one_in(w, 2) ? w->count : at + 1 + (int)below(w, (uint64_t)(w->count - at));
        if (to < w->count && one_in(w, 2))
            live_and_die(w, at, to, PICK(w, rests));
        else
            live(w, at, to, PICK(w, rests));
    }
    live(w, w->count, w->count, 0); /* what the last kill left */
}

/* ---- comparing ---------------------------------------------------------------------------------- */

static void add_bytes(sqlite3_str *out, const uint8_t *bytes, int count) {
    sqlite3_str_appendall(out, "'");
    for (int n = 0; n < count; n++)
        sqlite3_str_appendf(out, bytes[n] >= ' ' && bytes[n] < 127 ? "%c" : "\\%02x", bytes[n]);
    sqlite3_str_appendall(out, "'");
}

static void add_value(sqlite3_str *out, sqlite3_stmt *s, int i) {
    switch (sqlite3_column_type(s, i)) {
    case SQLITE_INTEGER:
        sqlite3_str_appendf(out, " %lld", (long long)sqlite3_column_int64(s, i));
        break;
    case SQLITE_FLOAT: sqlite3_str_appendf(out, " %!.17g", sqlite3_column_double(s, i)); break;
    case SQLITE_NULL: sqlite3_str_appendall(out, " -"); break;
    default: /* text in the encoding that the database has, so that every bit counts */
        sqlite3_str_appendf(out, " %c", sqlite3_column_type(s, i) == SQLITE_TEXT ? 't' : 'b');
        add_bytes(out, sqlite3_column_blob(s, i), sqlite3_column_bytes(s, i));
    }
}

/* The next row as text, or NULL behind the last. */
static char *next_row(sqlite3_stmt *s) {
    int code = sqlite3_step(s);
    if (code == SQLITE_DONE) return NULL;
    if (code != SQLITE_ROW) wrong(sqlite3_errmsg(sqlite3_db_handle(s)));
    sqlite3_str *out = sqlite3_str_new(NULL);
    for (int i = 0; i < sqlite3_column_count(s); i++)
        add_value(out, s, i);
    return sqlite3_str_finish(out);
}

static void compare(sqlite3 *ours, sqlite3 *theirs, const char *sql) {
    sqlite3_stmt *a = NULL, *b = NULL;
    char *mine, *plain;
    if (sqlite3_prepare_v2(ours, sql, -1, &a, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(theirs, sql, -1, &b, NULL) != SQLITE_OK)
        wrong(sqlite3_errmsg(ours));
    do {
        mine = next_row(a);
        plain = next_row(b);
        if ((mine || plain) && (!mine || !plain || strcmp(mine, plain) != 0)) {
            char what[2000];
            (void)snprintf(what, sizeof what, "%s:\n%s, and plainly\n%s", sql,
                           mine ? mine : " no more", plain ? plain : " no more");
            wrong(what);
        }
        sqlite3_free(mine);
        sqlite3_free(plain);
    } while (mine);
    (void)sqlite3_finalize(a);
    (void)sqlite3_finalize(b);
}

static void add_given(sqlite3_str *out, const weir_value *v) {
    switch (v->type) {
    case WEIR_INTEGER: sqlite3_str_appendf(out, " %lld", (long long)v->as.integer); break;
    case WEIR_REAL: sqlite3_str_appendf(out, " %!.17g", v->as.real); break;
    case WEIR_NULL: sqlite3_str_appendall(out, " -"); break;
    default:
        sqlite3_str_appendf(out, " %c", v->type == WEIR_TEXT ? 't' : 'b');
        add_bytes(out, v->as.bytes, (int)v->length);
    }
}

/* For who looks into a failure. */
static void print_row(const world *w, int64_t number) {
    if (number < 1 || number > w->count) return;
    const row *r = &w->rows[number - 1];
    sqlite3_str *out = sqlite3_str_new(NULL);
    sqlite3_str_appendf(out, "row %lld, for %s:", (long long)number, w->table[r->table].name);
    for (int c = 0; c < w->table[r->table].columns; c++)
        add_given(out, &r->value[c]);
    char *text = sqlite3_str_finish(out);
    print_message("%s\n", text);
    sqlite3_free(text);
}

static void compare_refused(const world *w, sqlite3 *ours) {
    sqlite3_stmt *s;
    int at = 0;
    bool any = exists(ours, "weir_reject");
    if (!any && w->refusals) wrong("nothing was refused");
    if (!any) return;
    if (sqlite3_prepare_v2(ours, "SELECT row, code, message FROM weir_reject ORDER BY row", -1, &s,
                           NULL))
        wrong(sqlite3_errmsg(ours));
    for (; sqlite3_step(s) == SQLITE_ROW; at++) {
        const char *message = (const char *)sqlite3_column_text(s, 2);
        char what[800];
        const refused *r = &w->refused[at];
        (void)snprintf(what, sizeof what, "refused: row %d (%d, %s); plainly: row %d (%d, %s)",
                       sqlite3_column_int(s, 0), sqlite3_column_int(s, 1), message,
                       at < w->refusals ? (int)r->row : 0, at < w->refusals ? r->code : 0,
                       at < w->refusals ? r->message : "none");
        if (at >= w->refusals || sqlite3_column_int64(s, 0) != r->row ||
            sqlite3_column_int(s, 1) != r->code || strcmp(message, r->message) != 0) {
            print_row(w, sqlite3_column_int64(s, 0));
            print_row(w, at < w->refusals ? r->row : 0);
            wrong(what);
        }
    }
    (void)sqlite3_finalize(s);
    if (at != w->refusals) wrong("fewer rows were refused");
}

static void compare_all(const world *w) {
    sqlite3 *ours = connect_to(w->ours), *theirs = connect_to(w->theirs);
    char sql[100];
    compare_refused(w, ours);
    for (int i = 0; i < w->tables; i++) {
        const table *t = &w->table[i];
        (void)snprintf(sql, sizeof sql, "SELECT %s* FROM %s ORDER BY 1",
                       t->rowless ? "" : "rowid, ", t->name);
        compare(ours, theirs, sql);
    }
    compare(ours, theirs, "SELECT rowid, * FROM log ORDER BY 1");
    if (exists(theirs, "sqlite_sequence"))
        compare(ours, theirs, "SELECT name, seq FROM sqlite_sequence ORDER BY name");
    (void)sqlite3_close(ours);
    (void)sqlite3_close(theirs);
}

/* ---- one seed ----------------------------------------------------------------------------------- */

static bool run_seed(uint64_t seed) {
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    *w = (world){
        .seed = seed, .rng = {seed * 0x9E3779B97F4A7C15u + 1}, .sql = sqlite3_str_new(NULL)};
    seed_at_work = seed;
    make_schema(w);
    char *text = sqlite3_str_finish(w->sql);
    schema_text = text;
    make_rows(w);
    w->directory = weir_temp_make();
    (void)snprintf(w->ours, sizeof w->ours, "%s/ours.db", w->directory);
    (void)snprintf(w->theirs, sizeof w->theirs, "%s/theirs.db", w->directory);
    bool sound = apply_plainly(w);
    if (sound) {
        apply_by_weir(w);
        compare_all(w);
    }
    weir_temp_remove(w->directory);
    schema_text = NULL;
    sqlite3_free(text);
    free(w);
    return sound;
}

static void every_schema_comes_out_as_plain_sqlite_makes_it(void **state) {
    (void)state;
    int sound = 0;
    uint64_t seed = 0;
    while (sound < SUITE)
        sound += run_seed(++seed);
    print_message("%d schemas, of %llu drawn\n", sound, (unsigned long long)seed);
}

static uint64_t first_seed;
static time_t until;

static void as_many_as_the_time_allows(void **state) {
    (void)state;
    uint64_t seed = first_seed, sound = 0;
    do {
        sound += run_seed(seed++);
    } while (time(NULL) < until);
    print_message("%llu schemas, seeds %llu to %llu\n", (unsigned long long)sound,
                  (unsigned long long)first_seed, (unsigned long long)(seed - 1));
}

int main(int argc, char **argv) {
    const struct CMUnitTest suite[] = {
        cmocka_unit_test(every_schema_comes_out_as_plain_sqlite_makes_it)};
    const struct CMUnitTest timed[] = {cmocka_unit_test(as_many_as_the_time_allows)};
    /* Power cuts are not what is tried here, so no disk is needed. */
    if (access("/dev/shm", W_OK) == 0) (void)setenv("TMPDIR", "/dev/shm", 0);
    if (argc < 2) return cmocka_run_group_tests(suite, NULL, NULL);
    until = time(NULL) + strtol(argv[1], NULL, 10);
    first_seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    return cmocka_run_group_tests(timed, NULL, NULL);
}
