/* page_database.c - the database: its file, its schema in numbers, and rows that it refused. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../lib/base/utf8.h"
#include "page.h"

enum { SHOWN_VALUES = 20, SHOWN_BYTES = 400 };

/* Statements stand here whole: nothing of the database becomes SQL. A view in place of a table of
 * ours may make one as slow as it likes, so it gets so many steps of SQLite's machine. */
enum { STEPS = 1000, STEPS_TIMES = 200000 };

static int stop_the_endless(void *left) { return --*(int *)left <= 0; }

static sqlite3_stmt *prepare_quietly(sqlite3 *db, const char *query) {
    sqlite3_stmt *s = NULL;
    return sqlite3_prepare_v2(db, query, -1, &s, NULL) == SQLITE_OK ? s : NULL;
}

/* ---- facts ----------------------------------------------------------------------------- */

static void put_answer(const weir_page *p, sqlite3 *db, const char *name, const char *query) {
    sqlite3_stmt *s = prepare_quietly(db, query);
    if (s && sqlite3_step(s) == SQLITE_ROW)
        weir_fact_text(p->out, name, (const char *)sqlite3_column_text(s, 0));
    (void)sqlite3_finalize(s); /* what it says was in the page or not */
}

static void put_file_bytes(const weir_page *p, const char *name, const char *suffix) {
    char *path;
    struct stat st;
    if (asprintf(&path, "%s%s", p->place->database, suffix) < 0) return;
    if (stat(path, &st) == 0) weir_fact_bytes(p->out, name, (uint64_t)st.st_size);
    free(path);
}

static void put_database_facts(const weir_page *p, sqlite3 *db) {
    fputs("<dl class=\"facts\">\n", p->out);
    put_file_bytes(p, "Database file", "");
    put_file_bytes(p, "-wal file", "-wal");
    if (db) {
        put_answer(p, db, "Page size", "PRAGMA page_size");
        put_answer(p, db, "Journal mode", "PRAGMA journal_mode");
        put_answer(p, db, "Encoding", "PRAGMA encoding");
        put_answer(p, db, "auto_vacuum", "PRAGMA auto_vacuum");
        put_answer(p, db, "Schema",
                   "SELECT sum(type = 'table') || ' tables, ' || sum(type = 'index') || ' indices, "
                   "' || sum(type = 'trigger') || ' triggers, ' || sum(type = 'view') || ' views' "
                   "FROM sqlite_schema");
    }
    weir_fact_count(p->out, "Journals that it knows", p->view->database.count);
    fputs("</dl>\n", p->out);
}

/* ---- rejects --------------------------------------------------------------------------- */

static uint64_t column_count(sqlite3_stmt *s, int column) {
    int64_t n = sqlite3_column_int64(s, column);
    return n > 0 ? (uint64_t)n : 0;
}

static void put_text_cell(const weir_page *p, sqlite3_stmt *s, int column) {
    const void *text = sqlite3_column_text(s, column);
    size_t bytes = (size_t)sqlite3_column_bytes(s, column);
    bool cut = bytes > SHOWN_BYTES + 3; /* weir_utf8_cut may read so far */
    fputs("<td class=\"w\">", p->out);
    if (text) weir_html_bytes(p->out, text, cut ? weir_utf8_cut(text, SHOWN_BYTES) : bytes);
    fputs(cut ? " …</td>" : "</td>", p->out);
}

static void put_reject_group(const weir_page *p, sqlite3_stmt *s) {
    char first[WEIR_SHOWN], last[WEIR_SHOWN];
    int code = sqlite3_column_int(s, 1);
    fputs("<tr>", p->out);
    put_text_cell(p, s, 0);
    fprintf(p->out, "<td class=\"n\">%s</td>", weir_shown_count(column_count(s, 2), first));
    fprintf(p->out, "<td class=\"w\">%s (%d)</td>", sqlite3_errstr(code), code);
    fprintf(p->out, "<td>%s to %s</td><td>%s</td></tr>\n",
            weir_shown_count(column_count(s, 3), first), weir_shown_count(column_count(s, 4), last),
            weir_shown_time(sqlite3_column_int64(s, 5), (char[WEIR_SHOWN]){0}));
}

static void put_reject_groups(const weir_page *p, sqlite3 *db) {
    sqlite3_stmt *s = prepare_quietly(
        db, "SELECT table_name, code, count(*), min(row), max(row), max(time_ns) FROM "
            "main.weir_reject GROUP BY 1, 2 ORDER BY 3 DESC");
    uint64_t groups = 0;
    fputs("<div class=\"scroll\"><table id=\"rejects\"><thead><tr><th>Table</th><th "
          "class=\"n\">Rows</th><th>Why, by SQLite</th><th>Numbers</th><th>Last, UTC</th></tr>"
          "</thead><tbody>\n",
          p->out);
    while (s && sqlite3_step(s) == SQLITE_ROW)
        if (groups++ < WEIR_PAGE_LINES_MAX) put_reject_group(p, s);
    fputs("</tbody></table></div>\n", p->out);
    (void)sqlite3_finalize(s); /* what could not be read is not on the page */
    weir_page_more(p, groups);
}

/* Message and values hold user data. */
static void put_reject_values(const weir_page *p, sqlite3 *db) {
    sqlite3_stmt *s = prepare_quietly(db, "SELECT row, table_name, message, \"values\" FROM "
                                          "main.weir_reject ORDER BY id DESC LIMIT 20");
    fprintf(p->out,
            "<details><summary>The last %d of them, with their values</summary><div "
            "class=\"scroll\"><table id=\"reject-values\"><thead><tr><th class=\"n\">Row</th>"
            "<th>Table</th><th>Message</th><th>Values</th></tr></thead><tbody>\n",
            SHOWN_VALUES);
    while (s && sqlite3_step(s) == SQLITE_ROW) {
        fprintf(p->out, "<tr><td class=\"n\">%" PRIu64 "</td>", column_count(s, 0));
        for (int column = 1; column <= 3; column++)
            put_text_cell(p, s, column);
        fputs("</tr>\n", p->out);
    }
    fputs("</tbody></table></div></details>\n", p->out);
    (void)sqlite3_finalize(s); /* what could not be read is not on the page */
}

static void put_rejects(const weir_page *p, sqlite3 *db) {
    if (!p->view->database.rejects) return;
    fputs("<h3>Rows that SQLite refused (table weir_reject)</h3>\n", p->out);
    put_reject_groups(p, db);
    if (p->arguments->values)
        put_reject_values(p, db);
    else
        fputs("<p class=\"soft\">SQLite's messages and the values are left out; "
              "<code>--values</code> shows the last of them.</p>\n",
              p->out);
}

void weir_page_database(const weir_page *p) {
    const weir_database_view *view = &p->view->database;
    sqlite3 *db = NULL;
    int left = STEPS_TIMES;
    weir_section_begin(p->out, "database", "Database");
    if (view->state == WEIR_DATABASE_ABSENT || view->first_sink[0]) {
        fputs("<p>There is none.</p>\n", p->out);
    } else {
        if (view->state == WEIR_DATABASE_UNREADABLE) {
            fputs("<p>SQLite cannot read it: ", p->out);
            weir_html_text(p->out, view->why);
            fputs(".</p>\n", p->out);
        } else if (weir_database_open_quietly(p->place->database, &db) == SQLITE_OK) {
            sqlite3_progress_handler(db, STEPS, stop_the_endless, &left);
            put_rejects(p, db);
        }
        put_database_facts(p, view->state == WEIR_DATABASE_READ ? db : NULL);
    }
    (void)sqlite3_close(db); /* every statement is finalized; NULL is allowed */
    weir_section_end(p->out);
}
