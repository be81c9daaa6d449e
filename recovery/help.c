/* help.c - what --help, --usage and --version print, made from the tables of verbs and options. */
#include "help.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "verbs.h"

enum { OPTIONS_MAX = 100, LETTERLESS = 256, NAME_BYTES = 64 };

const char *weir_help_name(weir_verb verb) {
    static char name[NAME_BYTES];
    bool bare = verb == WEIR_VERBS ||
                (verb == WEIR_VERB_RECOVER && strcmp(program_invocation_short_name, "weir") != 0);
    const char *word = bare ? "" : weir_verbs[verb].name; /* one that is cut is still a name */
    (void)snprintf(name, sizeof name, "%s%s%s", program_invocation_short_name, bare ? "" : " ",
                   word);
    return name;
}

/* Those that the verb has; those of all verbs for the tool itself. */
static void list_options(weir_verb verb, struct argp_option list[OPTIONS_MAX]) {
    size_t count = 0;
    for (const weir_option *o = weir_options_table; o->name && count + 1 < OPTIONS_MAX; o++) {
        bool wanted =
            verb == WEIR_VERBS ? weir_option_is_common(o) : o->verbs & UINT64_C(1) << verb;
        if (!wanted) continue;
        list[count] = (struct argp_option){.name = o->name,
                                           .key = o->letter ? o->letter : LETTERLESS + (int)count,
                                           .arg = o->argument,
                                           .doc = o->text};
        count++;
    }
    list[count] = (struct argp_option){0};
}

static const char tool_before[] = "Look after an SQLite database and the weir journal beside it.\n";
static const char tool_after[] = "\n`weir help VERB`, or `weir VERB --help`, says more of each.\n"
                                 "`weir-recover DATABASE` is `weir recover DATABASE`.\n";
static const char streams[] =
    "Reports and rows go to stdout; errors, notes and progress to stderr.\n\n";
static const char exits_of_tool[] =
    "0 in order, or nothing but a torn tail; 1 rows were recovered; 4 damage is left, or rows are "
    "lost, or journal and database do not belong together; 8 could not run; 16 usage; 20 to 25 "
    "what status --check found.";
static const char exits_of_most[] =
    "0 in order; 4 damage, or rows are lost, or journal and database do not belong together; 8 "
    "could not run; 16 usage.";

static void write_tool(FILE *doc) {
    fputs(tool_before, doc);
    for (int i = 0; i < WEIR_VERBS; i++) {
        if (weir_verbs[i].heading) fprintf(doc, "\n %s\n", weir_verbs[i].heading);
        fprintf(doc, "  %-16s %s\n", weir_verbs[i].name, weir_verbs[i].summary);
    }
    fputs(tool_after, doc);
    fprintf(doc, "\v%sExit status: %s", streams, exits_of_tool); /* argp: \v: after the options */
}

static void write_verb(FILE *doc, const weir_verb_entry *verb) {
    fprintf(doc, "%c%s.", verb->summary[0] - 'a' + 'A', verb->summary + 1);
    if (verb->text) fprintf(doc, " %s", verb->text);
    if (verb->example) fprintf(doc, "\n\n  %s\n", verb->example);
    fprintf(doc, "\v%sExit status: %s", streams, verb->exits ? verb->exits : exits_of_most);
}

void weir_help_print(FILE *out, weir_verb verb, bool short_only) {
    struct argp_option options[OPTIONS_MAX];
    char *text = NULL, name[NAME_BYTES];
    size_t bytes;
    FILE *doc = open_memstream(&text, &bytes);
    list_options(verb, options);
    if (doc && verb == WEIR_VERBS) write_tool(doc);
    if (doc && verb != WEIR_VERBS) write_verb(doc, &weir_verbs[verb]);
    if (!doc || fclose(doc) != 0) {
        fprintf(stderr, "%s: no memory for the text\n", program_invocation_short_name);
        return;
    }
    const struct argp argp = {
        options, NULL, verb == WEIR_VERBS ? "DATABASE|JOURNAL" : weir_verbs[verb].operands,
        text,    NULL, NULL,
        NULL};
    (void)snprintf(name, sizeof name, "%s%s", weir_help_name(verb),
                   verb == WEIR_VERBS ? " VERB" : "");
    argp_help(&argp, out,
              short_only ? ARGP_HELP_USAGE : ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC,
              name);
    free(text);
}
