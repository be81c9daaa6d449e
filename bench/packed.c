/* packed.c - bytes of an archived row, as it was written and after `weir archive pack`. Each
 * kind of row goes through a journal of its own. */
#include <stdlib.h>
#include <string.h>

#include <weir/log.h>

#include "ways.h"

enum { ROWS = 3000000, SEGMENT_BYTES = 4 << 20 };

typedef struct kind {
    const char *name, *part;
    const workload *load; /* NULL: messages */
} kind;

static const kind KINDS[] = {
    {"agents", "agents, four of six columns by the row's number", &AGENT_ROWS},
    {"random_agents", "agents, 22.3 random bits", &RANDOM_AGENT_ROWS},
    {"messages", "messages of two templates", NULL},
    {"trades", "trades, 40 bits, 8 letters, a real of 20 bits", &TRADE_ROWS},
};

/* ---- rows ---- */

/* An integer of 20 random bits, one of four words and a real of 20 random bits. */
static void log_messages(weir *w, uint64_t rows) {
    static const char *const words[] = {"household", "firm", "bank", "government"};
    for (uint64_t row = 0; row < rows; row++) {
        uint64_t mixed = workload_mix(row + 1);
        int number = (int)(mixed & 0xFFFFF);
        const char *word = words[mixed >> 40 & 3];
        double real = (double)(mixed >> 44) / 64.0;
        if (mixed >> 42 & 1)
            weir_log_info(w, "order %d of a %s at %g", number, word, real);
        else
            weir_log_warn(w, "agent %d, a %s, holds only %g", number, word, real);
    }
}

static void leave_archive(const char *path, const kind *k, uint64_t rows) {
    weir_options options = {.segment_bytes = SEGMENT_BYTES, .archive = 1};
    struct weir_stats stats;
    weir *w = open_weir(path, &options);
    if (k->load) {
        int status = append_rows(declare_workload(w, k->load), k->load, 0, rows);
        if (status != WEIR_OK) give_up("appending", status);
    } else {
        log_messages(w, rows);
    }
    sync_or_give_up(w, WEIR_APPLIED);
    int status = weir_stats(w, &stats);
    if (status != WEIR_OK) give_up("counting", status);
    if (stats.rows_published != rows) give_up("appending fewer rows than were made", WEIR_FULL);
    close_weir(w);
}

/* ---- packing ---- */

static bool number_in(const char *line, const char *name, double *out) {
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(line, key);
    if (at) *out = strtod(at + strlen(key), NULL);
    return at != NULL;
}

/* Bytes a row of what was packed, which leaves out the last segment: it is not full. False:
 * nothing was, or the verb failed. */
static bool pack(const char *path, double *before, double *after) {
    char command[9000], line[4096];
    double rows = 0, was = 0, is = 0;
    bool found = false;
    (void)snprintf(command, sizeof command, "'%s' archive pack --keep-plain 1 --json '%s'",
                   WEIR_RECOVER, path);
    fflush(NULL);
    FILE *said = popen(command, "r"); /* the path is of our own making, but for --dir */
    while (said && fgets(line, sizeof line, said))
        if (strstr(line, "\"type\":\"pack\""))
            found = number_in(line, "rows", &rows) && number_in(line, "bytes_before", &was) &&
                    number_in(line, "bytes_after", &is);
    if (!said || pclose(said) != 0 || !found || rows <= 0) return false;
    *before = was / rows;
    *after = is / rows;
    return true;
}

static bool measure_kind(bench_run *run, const kind *k) {
    double before, after;
    char plain[80];
    const char *path = scratch(run, "packed.db");
    leave_archive(path, k, run->quick ? ROWS / 3 : ROWS);
    bool well = pack(path, &before, &after);
    scratch_remove(run, "packed.db");
    if (!well) return false;
    (void)snprintf(plain, sizeof plain, "before %s", amount(before, "B/row"));
    report_figure(&run->report, &(figure){.name = k->name,
                                          .part = k->part,
                                          .unit = "B/row",
                                          .ours = plain,
                                          .value = spread_of(&after, 1)});
    char field[64];
    (void)snprintf(field, sizeof field, "%s_before", k->name);
    report_field(&run->report, field, before);
    return true;
}

int bench_packed(bench_run *run) {
    bool well = true;
    report_begin(&run->report, "packed", "archived", "–");
    for (size_t i = 0; well && i < sizeof KINDS / sizeof *KINDS; i++) {
        progress("packed: %s", KINDS[i].name);
        well = measure_kind(run, &KINDS[i]);
    }
    report_end(&run->report);
    return well ? 0 : 1;
}
