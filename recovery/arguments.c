/* arguments.c - the command line, checked. Which verbs and options there are, the tables of verbs.c
 * and options.c say. */
#include "arguments.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <weir/weir.h>

#include "exits.h"
#include "help.h"
#include "nearest.h"
#include "options.h"
#include "server.h"
#include "verbs.h"

enum { WAIT_DEFAULT_S = 60, STORE_TIMEOUT_DEFAULT_S = 30, OPTIONS_MAX = 100, LETTERLESS = 256 };

/* An option as it was given. Its line in the table is known when the verb is. */
typedef struct given_option {
    const weir_option *first; /* the first line of its name */
    const char *text;
} given_option;

typedef struct parsing {
    weir_arguments *out;
    bool has_verb;
    bool wants_help;   /* "weir help …" */
    const char *group; /* the first word of a verb of two */
    given_option given[OPTIONS_MAX];
    size_t given_count;
} parsing;

/* ---- verbs ------------------------------------------------------------------------------ */

static bool is_word_of_group(const weir_verb_entry *verb, const char *group, size_t length) {
    return strncmp(verb->name, group, length) == 0 && verb->name[length] == ' ';
}

/* A verb, or a word of one. */
static bool take_verb(parsing *p, const char *text) {
    if (p->has_verb || (p->out->target && !p->group)) return false;
    size_t length = p->group ? strlen(p->group) : 0;
    for (int i = 0; i < WEIR_VERBS; i++) {
        const char *name = weir_verbs[i].name;
        if (p->group && !is_word_of_group(&weir_verbs[i], p->group, length)) continue;
        if (strcmp(p->group ? name + length + 1 : name, text) != 0) continue;
        p->out->verb = (weir_verb)i;
        p->has_verb = true;
        return true;
    }
    for (int i = 0; !p->group && i < WEIR_VERBS; i++) {
        if (!is_word_of_group(&weir_verbs[i], text, strlen(text))) continue;
        p->group = text;
        return true;
    }
    return false;
}

/* "status, verify …": all, or the second words of a group. */
static const char *list_verbs(const char *group, char *list, size_t bytes) {
    size_t used = 0, length = group ? strlen(group) : 0;
    list[0] = 0;
    for (int i = 0; i < WEIR_VERBS && used < bytes; i++) {
        if (group && !is_word_of_group(&weir_verbs[i], group, length)) continue;
        int more = snprintf(list + used, bytes - used, "%s%s", used ? ", " : "",
                            weir_verbs[i].name + (group ? length + 1 : 0));
        used += more > 0 ? (size_t)more : 0; /* a list that is cut is still a list */
    }
    return list;
}

static void refuse_word(const parsing *p, struct argp_state *state, const char *word) {
    char list[1024];
    const char *group = p->group, *nearest = weir_nearest_verb(group, word);
    const char *blank = group ? " " : "",
               *what = p->out->target ? "no verb and no file" : "no verb";
    if (!group) group = "";
    if (nearest)
        argp_error(state, "'%s%s%s' is %s: did you mean %s?", group, blank, weir_word_shown(word),
                   what, nearest);
    argp_error(state, "'%s%s%s' is %s: the verbs are %s", group, blank, weir_word_shown(word), what,
               list_verbs(p->group, list, sizeof list));
}

static void require_verb(const parsing *p, struct argp_state *state, const char *word) {
    char list[1024];
    if (p->has_verb) return;
    if (p->group && word) refuse_word(p, state, word);
    if (p->group)
        argp_error(state, "%s what? %s can be followed by: %s", p->group, p->group,
                   list_verbs(p->group, list, sizeof list));
    if (strcmp(program_invocation_short_name, "weir") != 0) return;
    if (word) refuse_word(p, state, word);
    argp_error(state, "name a verb, and a database or a journal directory");
}

/* The word help before a verb is the option --help after it. */
static bool take_help(parsing *p, const char *text) {
    if (p->wants_help || p->has_verb || p->group || p->out->target) return false;
    return p->wants_help = strcmp(text, "help") == 0;
}

/* ---- operands --------------------------------------------------------------------------- */

/* A file of such a name would be made, and the name shown. */
static void refuse_server(const parsing *p, struct argp_state *state, const char *text) {
    bool taken = p->has_verb && p->out->verb == WEIR_VERB_CHECK;
    if (!taken && weir_word_shown(text) != text)
        argp_error(state, "a server is given to check, to replay --into and to status --to, and "
                          "stands nowhere else; the word is not shown, since it may hold a "
                          "password");
}

static error_t take_positional(parsing *p, struct argp_state *state, const char *text) {
    weir_arguments *a = p->out;
    if (take_help(p, text) || take_verb(p, text)) return 0;
    refuse_server(p, state, text);
    require_verb(p, state, text);
    if (p->wants_help && !p->has_verb) refuse_word(p, state, text);
    if (a->target && !p->has_verb && access(a->target, F_OK) != 0) refuse_word(p, state, a->target);
    bool takes_two = p->has_verb && strchr(weir_verbs[a->verb].operands, ' ');
    if (!a->target)
        a->target = text;
    else if (takes_two && !a->second)
        a->second = text;
    else
        argp_error(state, "one database or journal at a time: '%s' is too many",
                   weir_word_shown(text));
    return 0;
}

static void check_operands(const parsing *p, struct argp_state *state) {
    weir_arguments *a = p->out;
    const char *operands = weir_verbs[a->verb].operands, *second = strchr(operands, ' ');
    if (!a->target && operands[0] != '[') {
        bool server = a->verb == WEIR_VERB_CHECK;
        if (second || server) argp_error(state, "%s needs %s", weir_verbs[a->verb].name, operands);
        argp_error(state, "name a database, or a journal directory");
    }
    if (second && second[1] != '[' && !a->second)
        argp_error(state, "%s needs %s: the second is missing", weir_verbs[a->verb].name, operands);
    if (a->verb == WEIR_VERB_DETACH) { /* the one whose database or journal stands second */
        const char *name = a->target;
        a->target = a->second;
        a->second = name;
    }
}

/* ---- values of options ------------------------------------------------------------------ */

static uint64_t number(struct argp_state *state, const weir_option *o, const char *text) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    bool digits = text[0] >= '0' && text[0] <= '9'; /* strtoull would take signs and blanks */
    if (!digits || *end || errno || value < o->least || value > o->most)
        argp_error(state, "--%s takes a number from %llu, not '%s'", o->name,
                   (unsigned long long)o->least, weir_word_shown(text));
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

static int64_t moment(struct argp_state *state, const weir_option *o, const char *text) {
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
        argp_error(state, "--%s takes YYYY-MM-DDTHH:MM:SS (UTC) or @SECONDS, not '%s'", o->name,
                   weir_word_shown(text));
        return 0; /* argp_error does not return */
    }
    return all;
}

/* As many as there are words on the command line; kept in sight until the process ends, or a leak
 * checker complains of lists in main's frame. */
static void add_to_texts(struct argp_state *state, weir_texts **at, const char *text) {
    static weir_texts *pool;
    static size_t used;
    if (!pool) pool = calloc((size_t)state->argc + 1, sizeof *pool);
    weir_texts *added = pool ? &pool[used++] : NULL;
    if (!added) {
        argp_failure(state, WEIR_EXIT_FAILED, ENOMEM, "%s", text);
        return; /* argp_failure does not return */
    }
    while (*at)
        at = &(*at)->next;
    *added = (weir_texts){.text = text};
    *at = added;
}

/* As refuse_server, of an option's value. */
static void check_text(struct argp_state *state, const weir_option *o, const char *text) {
    bool takes = strstr(o->argument, "SERVER") != NULL, is = weir_is_server(text);
    if (takes && (is || !strcmp(o->argument, "FILE|SERVER")) &&
        (is || weir_word_shown(text) == text))
        return;
    if (takes)
        argp_error(
            state,
            "--%s takes postgresql://USER@HOST/DATABASE, or \"host=HOST dbname=NAME\" as one "
            "word; what was given is not shown, since it may hold a password",
            o->name);
    if (weir_word_shown(text) != text)
        argp_error(state,
                   "--%s takes no server; what was given is not shown, since it may hold a "
                   "password",
                   o->name);
}

static void fill_field(struct argp_state *state, weir_arguments *a, const weir_option *o,
                       const char *text) {
    void *field = (char *)a + o->field;
    switch (o->kind) {
    case WEIR_OPTION_FLAG: *(bool *)field = true; return;
    case WEIR_OPTION_TEXT:
        check_text(state, o, text);
        *(const char **)field = text;
        return;
    case WEIR_OPTION_NUMBER: *(uint64_t *)field = number(state, o, text); return;
    case WEIR_OPTION_NUMBER_32: *(uint32_t *)field = (uint32_t)number(state, o, text); return;
    case WEIR_OPTION_MOMENT: *(int64_t *)field = moment(state, o, text); return;
    case WEIR_OPTION_LIST: add_to_texts(state, field, text); return;
    }
}

/* The line that says what this option is with this verb; NULL: the verb has no such option. */
static const weir_option *line_of(const weir_option *first, weir_verb verb) {
    for (const weir_option *o = first; o->name; o++)
        if (strcmp(o->name, first->name) == 0 && o->verbs & UINT64_C(1) << verb) return o;
    return NULL;
}

static void apply_options(parsing *p, struct argp_state *state) {
    for (size_t i = 0; i < p->given_count; i++) {
        const given_option *given = &p->given[i];
        const weir_option *o = line_of(given->first, p->out->verb);
        if (!o)
            argp_error(state, "%s has no --%s", weir_verbs[p->out->verb].name, given->first->name);
        else
            fill_field(state, p->out, o, given->text);
    }
}

/* ---- argp ------------------------------------------------------------------------------- */

static bool was_given(const parsing *p, const char *name) {
    for (size_t i = 0; i < p->given_count; i++)
        if (strcmp(p->given[i].first->name, name) == 0) return true;
    return false;
}

/* Where help is asked for, nothing else has to be right. */
static void help(const parsing *p) {
    weir_verb verb = p->has_verb ? p->out->verb : WEIR_VERBS;
    if (was_given(p, "version"))
        printf("%s %s\n", program_invocation_short_name, weir_version());
    else if (p->wants_help || was_given(p, "help") || was_given(p, "usage"))
        weir_help_print(stdout, verb, !p->wants_help && !was_given(p, "help"));
    else
        return;
    exit(ferror(stdout) || fflush(stdout) != 0 ? WEIR_EXIT_FAILED : WEIR_EXIT_CLEAN);
}

static void check_all(parsing *p, struct argp_state *state) {
    help(p);
    require_verb(p, state, NULL);
    check_operands(p, state);
    apply_options(p, state);
    const weir_verb_entry *verb = &weir_verbs[p->out->verb];
    const char *complaint = verb->complain ? verb->complain(p->out) : NULL;
    if (complaint) argp_error(state, "%s", complaint);
}

/* getopt would only say that there is no such option. A value of an option may look like one. */
static void check_option_names(struct argp_state *state) {
    for (int i = 1; i < state->argc && strcmp(state->argv[i], "--") != 0; i++) {
        const char *word = state->argv[i];
        bool is_long = strncmp(word, "--", 2) == 0;
        const weir_option *o = weir_option_named(word);
        if (is_long && !o) {
            const char *nearest = weir_nearest_option(word + 2);
            argp_error(state,
                       nearest ? "there is no option %s: did you mean --%s?"
                               : "there is no option %s",
                       word, nearest);
        }
        i += o && o->argument && !strchr(word, '=');
    }
}

static error_t parse(int key, char *text, struct argp_state *state) {
    parsing *p = state->input;
    if (key == ARGP_KEY_INIT) {
        state->name = program_invocation_short_name; /* argp knows it only later */
        check_option_names(state);
    }
    if (key == ARGP_KEY_ARG) return take_positional(p, state, text);
    if (key == ARGP_KEY_END) check_all(p, state);
    if (key == ARGP_KEY_END) return 0;
    for (const weir_option *o = weir_options_table; o->name; o++) {
        if (key != (o->letter ? o->letter : LETTERLESS + (int)(o - weir_options_table))) continue;
        if (p->given_count == OPTIONS_MAX) argp_error(state, "too many options");
        p->given[p->given_count++] = (given_option){o, text};
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static bool is_first_of_its_name(const weir_option *o) {
    for (const weir_option *before = weir_options_table; before < o; before++)
        if (strcmp(before->name, o->name) == 0) return false;
    return true;
}

/* Each name once, whatever the verb: it may come after its options. */
static void all_options(struct argp_option list[OPTIONS_MAX]) {
    size_t count = 0;
    for (const weir_option *o = weir_options_table; o->name && count + 1 < OPTIONS_MAX; o++)
        if (is_first_of_its_name(o))
            list[count++] = (struct argp_option){
                .name = o->name,
                .key = o->letter ? o->letter : LETTERLESS + (int)(o - weir_options_table),
                .arg = o->argument};
    list[count] = (struct argp_option){0};
}

void weir_arguments_parse(int argc, char **argv, weir_arguments *out) {
    struct argp_option options[OPTIONS_MAX];
    all_options(options);
    const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
    *out = (weir_arguments){.verb = WEIR_VERB_RECOVER,
                            .to = UINT64_MAX,
                            .limit = UINT64_MAX,
                            .until_ns = INT64_MAX,
                            .since_ns = INT64_MIN,
                            .wait_s = WAIT_DEFAULT_S,
                            .count = UINT64_MAX,
                            .max_waiting = UINT64_MAX,
                            .max_lag_s = UINT64_MAX,
                            .max_rejects = UINT64_MAX,
                            .keep_bytes = UINT64_MAX,
                            .keep_rows = UINT64_MAX,
                            .max_age_s = UINT64_MAX,
                            .timeout_s = STORE_TIMEOUT_DEFAULT_S};
    parsing p = {.out = out};
    argp_err_exit_status = WEIR_EXIT_USAGE;
    (void)argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, &p); /* it exits where it would fail */
}
