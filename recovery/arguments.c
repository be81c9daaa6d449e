/* arguments.c - the command line, checked. */
#include "arguments.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <weir/weir.h>

#include "exits.h"

enum { WAIT_DEFAULT_S = 60 };

enum {
    KEY_JSON = 256,
    KEY_JOURNAL,
    KEY_ARCHIVE,
    KEY_CSV,
    KEY_TABLE,
    KEY_FROM,
    KEY_TO,
    KEY_LIMIT,
    KEY_INTO,
    KEY_UNTIL,
    KEY_SKIP_DAMAGE,
    KEY_ADOPT,
    KEY_WAIT,
    KEY_LOAD,
    KEY_DRY_RUN,
    KEY_UNDO,
    KEY_CHECK,
};

#define VERB(verb) (1u << WEIR_VERB_##verb)

static const char *const verb_names[] = {
    [WEIR_VERB_RECOVER] = "",        [WEIR_VERB_STATUS] = "status", [WEIR_VERB_VERIFY] = "verify",
    [WEIR_VERB_REPLAY] = "replay",   [WEIR_VERB_DUMP] = "dump",     [WEIR_VERB_SALVAGE] = "salvage",
    [WEIR_VERB_SYMBOLS] = "symbols",
};
enum { VERBS = sizeof verb_names / sizeof verb_names[0] };

static const struct argp_option options[] = {
    {"json", KEY_JSON, NULL, 0, "Write one JSON object per line", 0},
    {"journal", KEY_JOURNAL, "DIR", 0, "Use the journal there, not the one beside the database", 0},
    {"archive", KEY_ARCHIVE, NULL, 0, "status, verify, dump: include the archived segments", 0},
    {"csv", KEY_CSV, NULL, 0, "dump: comma-separated values of one table, with a header line", 0},
    {"table", KEY_TABLE, "NAME", 0, "dump: rows of this table only", 0},
    {"from", KEY_FROM, "ROW", 0, "dump: first row number", 0},
    {"to", KEY_TO, "ROW", 0, "dump, replay: last row number", 0},
    {"limit", KEY_LIMIT, "N", 0, "dump: at most so many rows", 0},
    {"into", KEY_INTO, "FILE", 0, "replay: the database to fill; created if it does not exist", 0},
    {"until", KEY_UNTIL, "TIME", 0,
     "replay: no blocks written after this moment, YYYY-MM-DDTHH:MM:SS in UTC or @SECONDS since "
     "1970",
     0},
    {"skip-damage", KEY_SKIP_DAMAGE, NULL, 0,
     "replay: go on after damaged blocks; their rows are missing, and reported", 0},
    {"adopt", KEY_ADOPT, NULL, 0,
     "recover, salvage: take the journal that --journal names, though the database knows only "
     "others",
     0},
    {"wait", KEY_WAIT, "SECONDS", 0,
     "recover, replay, salvage: give up after so long without progress, for example while another "
     "program locks the database (default 60)",
     0},
    {"load", KEY_LOAD, "EXTENSION", 0,
     "recover, replay, salvage: load an SQLite extension, FILE or FILE:ENTRYPOINT, whose "
     "functions, "
     "collations or modules the schema uses; may be given again",
     0},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "recover, replay, salvage: say what would be done", 0},
    {"undo", KEY_UNDO, NULL, 0, "salvage: bring in lost rows", 0},
    {"check", KEY_CHECK, "HOW", 0, "none, quick, full", 0},
    {0},
};

/* The verbs that take an option; with any other verb it is an error. */
static const struct {
    int key;
    unsigned verbs;
} belongs[] = {
    {KEY_ARCHIVE, VERB(STATUS) | VERB(VERIFY) | VERB(DUMP)},
    {KEY_CSV, VERB(DUMP)},
    {KEY_TABLE, VERB(DUMP)},
    {KEY_FROM, VERB(DUMP)},
    {KEY_TO, VERB(DUMP) | VERB(REPLAY) | VERB(SALVAGE)},
    {KEY_LIMIT, VERB(DUMP)},
    {KEY_INTO, VERB(REPLAY)},
    {KEY_UNTIL, VERB(REPLAY)},
    {KEY_SKIP_DAMAGE, VERB(REPLAY)},
    {KEY_ADOPT, VERB(RECOVER) | VERB(SALVAGE)},
    {KEY_WAIT, VERB(RECOVER) | VERB(REPLAY) | VERB(SALVAGE)},
    {KEY_LOAD, VERB(RECOVER) | VERB(REPLAY) | VERB(SALVAGE)},
    {KEY_DRY_RUN, VERB(RECOVER) | VERB(REPLAY) | VERB(SALVAGE)},
    {KEY_CHECK, VERB(RECOVER) | VERB(REPLAY) | VERB(SALVAGE)},
    {KEY_UNDO, VERB(SALVAGE)},
};
enum { BELONGS = sizeof belongs / sizeof belongs[0] };

typedef struct parsing {
    weir_arguments *out;
    bool has_verb;
    bool given[BELONGS];
} parsing;

static uint64_t number(struct argp_state *state, const char *option, const char *text, uint64_t min,
                       uint64_t max) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    bool digits = text[0] >= '0' && text[0] <= '9'; /* strtoull would take signs and blanks */
    if (!digits || *end || errno || value < min || value > max)
        argp_error(state, "--%s takes a number from %llu, not '%s'", option,
                   (unsigned long long)min, text);
    return value;
}

/* ".25" as nanoseconds; -1 when it is not a fraction. The end is stored. */
static int64_t fraction(const char *text, const char **end) {
    int64_t ns = 0, digit = 100000000;
    if (*text != '.') {
        *end = text;
        return 0;
    }
    for (text++; *text >= '0' && *text <= '9'; text++, digit /= 10)
        ns += (*text - '0') * digit;
    *end = text;
    return ns;
}

static int64_t moment(struct argp_state *state, const char *text) {
    struct tm tm = {0};
    const char *rest = NULL;
    time_t seconds = 0;
    if (text[0] == '@') {
        char *end;
        errno = 0;
        seconds = (time_t)strtoll(text + 1, &end, 10);
        rest = end == text + 1 || errno ? NULL : end;
    } else {
        rest = strptime(text, "%Y-%m-%d%n%H:%M:%S", &tm); /* %n: any blanks */
        if (!rest) rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
        if (rest) seconds = timegm(&tm);
    }
    int64_t ns = rest ? fraction(rest, &rest) : 0;
    if (rest && *rest == 'Z') rest++;
    int64_t all;
    if (!rest || *rest || __builtin_mul_overflow((int64_t)seconds, 1000000000, &all) ||
        __builtin_add_overflow(all, ns, &all)) {
        argp_error(state, "--until takes YYYY-MM-DDTHH:MM:SS (UTC) or @SECONDS, not '%s'", text);
        return 0; /* argp_error does not return */
    }
    return all;
}

static error_t take_positional(parsing *p, struct argp_state *state, const char *text) {
    for (unsigned i = WEIR_VERB_STATUS; !p->has_verb && !p->out->target && i < VERBS; i++) {
        if (strcmp(text, verb_names[i]) != 0) continue;
        p->out->verb = (weir_verb)i;
        p->has_verb = true;
        return 0;
    }
    if (p->out->target && !p->has_verb && access(p->out->target, F_OK) != 0)
        argp_error(state,
                   "'%s' is no verb and no file: the verbs are status, verify, dump, replay, "
                   "salvage, symbols; and none to recover",
                   p->out->target);
    if (p->out->target)
        argp_error(state, "one database or journal at a time: '%s' is too many", text);
    p->out->target = text;
    return 0;
}

static error_t add_extension(struct argp_state *state, weir_arguments *out, const char *name) {
    weir_extension **at = &out->load, *added = malloc(sizeof *added);
    if (!added) {
        argp_failure(state, WEIR_EXIT_FAILED, ENOMEM, "--load %s", name);
        return ENOMEM; /* argp_failure does not return */
    }
    while (*at)
        at = &(*at)->next;
    *added = (weir_extension){.name = name};
    *at = added;
    return 0;
}

static void check_arguments(const parsing *p, struct argp_state *state) {
    const weir_arguments *a = p->out;
    const char *verb = a->verb == WEIR_VERB_RECOVER ? "recovery" : verb_names[a->verb];
    if (!a->target) argp_error(state, "name a database, or a journal directory");
    for (size_t i = 0; i < BELONGS; i++) {
        if (!p->given[i] || (belongs[i].verbs & 1u << a->verb)) continue;
        for (const struct argp_option *o = options; o->name; o++)
            if (o->key == belongs[i].key) argp_error(state, "%s has no --%s", verb, o->name);
    }
    if (a->verb == WEIR_VERB_REPLAY && !a->into)
        argp_error(state, "replay needs --into FILE: the database to fill");
    if (a->adopt && !a->journal) argp_error(state, "--adopt says something of --journal");
    if (a->csv && a->json) argp_error(state, "--csv and --json exclude each other");
    if (a->from > a->to) argp_error(state, "--from is above --to: there is no such row");
}

static error_t parse(int key, char *text, struct argp_state *state) {
    parsing *p = state->input;
    for (size_t i = 0; i < BELONGS; i++)
        if (belongs[i].key == key) p->given[i] = true;
    switch (key) {
    case KEY_JSON: p->out->json = true; return 0;
    case KEY_JOURNAL: p->out->journal = text; return 0;
    case KEY_ARCHIVE: p->out->archive = true; return 0;
    case KEY_CSV: p->out->csv = true; return 0;
    case KEY_TABLE: p->out->table = text; return 0;
    case KEY_FROM: p->out->from = number(state, "from", text, 1, UINT64_MAX - 1); return 0;
    case KEY_DRY_RUN: p->out->dry_run = true; return 0;
    case KEY_UNDO: p->out->undo = true; return 0;
    case KEY_CHECK:
        p->out->check = text[0] == 'q' ? WEIR_CHECK_QUICK : text[0] == 'f' ? WEIR_CHECK_FULL : 0;
        return 0;
    case KEY_TO:
        if (p->out->verb == WEIR_VERB_SALVAGE) {
            p->out->save_to = text;
            return 0;
        }
        p->out->to = number(state, "to", text, 1, UINT64_MAX - 1); return 0;
    case KEY_LIMIT: p->out->limit = number(state, "limit", text, 0, UINT64_MAX - 1); return 0;
    case KEY_INTO: p->out->into = text; return 0;
    case KEY_UNTIL: p->out->until_ns = moment(state, text); return 0;
    case KEY_SKIP_DAMAGE: p->out->skip_damage = true; return 0;
    case KEY_ADOPT: p->out->adopt = true; return 0;
    case KEY_WAIT: p->out->wait_s = (uint32_t)number(state, "wait", text, 0, 1000000); return 0;
    case KEY_LOAD: return add_extension(state, p->out, text);
    case ARGP_KEY_ARG: return take_positional(p, state, text);
    case ARGP_KEY_END: check_arguments(p, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void print_version(FILE *stream, struct argp_state *state) {
    (void)state;
    fprintf(stream, "weir-recover %s\n", weir_version());
}

static const char before[] =
    "Bring an SQLite database up to date from the weir journal beside it, or look at\n"
    "that journal.\n"
    "\n"
    "  (no verb)  recover: apply every row of the journal and a dead process's ring\n"
    "  status     say what is there\n"
    "  verify     read every byte and name what is damaged\n"
    "  dump       write the journal's rows as NDJSON or CSV\n"
    "  replay     apply a journal, its archive included, to another database\n"
    "  salvage    recover past damage: apply every readable row, name the lost ones\n"
    "             (in the table weir_loss too), set damaged segments aside\n"
    "  symbols    print the crashes that the database's log tells (<weir/crash.h>), with\n"
    "             functions and lines by addr2line of binutils\n"
    "\n"
    "status, verify, dump and symbols take no lock and change nothing; the first three\n"
    "stop at the durable mark.\n";

static const char after[] =
    "Reports and rows go to stdout; errors, notes and progress to stderr.\n"
    "\n"
    "Exit status: 0 in order, or nothing but a torn tail; 1 rows were recovered; 4 damage is left, "
    "or "
    "rows are lost, or journal and database do not belong together; 8 could not run; 16 usage.\n";

void weir_arguments_parse(int argc, char **argv, weir_arguments *out) {
    static char doc[sizeof before + sizeof after];
    (void)snprintf(doc, sizeof doc, "%s\v%s", before, after); /* argp: \v ends the first part */
    const struct argp argp = {options, parse, "[VERB] DATABASE|JOURNAL", doc, NULL, NULL, NULL};
    *out = (weir_arguments){
        .to = UINT64_MAX, .limit = UINT64_MAX, .until_ns = INT64_MAX, .wait_s = WAIT_DEFAULT_S};
    parsing p = {.out = out};
    argp_err_exit_status = WEIR_EXIT_USAGE;
    argp_program_version_hook = print_version;
    (void)argp_parse(&argp, argc, argv, 0, NULL, &p); /* it exits where it would fail */
}
