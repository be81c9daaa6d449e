/* describe.c - the verb completion: what the tables of verbs and options say, for shells to complete
 * with and for the manual page. What it prints is kept in the source tree, and a test holds the two
 * together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "options.h"
#include "report.h"
#include "verbs.h"

static bool has_option(weir_verb verb, const weir_option *o) {
    return o->verbs & UINT64_C(1) << verb;
}

/* Length of the first word of the verb's name, if it has two; or 0. */
static size_t group_length(weir_verb verb) {
    const char *blank = strchr(weir_verbs[verb].name, ' ');
    return blank ? (size_t)(blank - weir_verbs[verb].name) : 0;
}

static bool is_first_of_group(weir_verb verb) {
    size_t length = group_length(verb);
    return length && (verb == 0 ||
                      strncmp(weir_verbs[verb].name, weir_verbs[verb - 1].name, length + 1) != 0);
}

/* With a backslash before each of these characters; a ' ends the quotes of the shell for itself. */
static void put_quoted(const char *text, const char *escaped) {
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr(escaped, *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

/* ---- bash ------------------------------------------------------------------------------- */

static const char bash_head[] =
    "# bash completion for weir and weir-recover; written by `weir completion bash`.\n"
    "_weir() {\n"
    "    local word i whole= verb= cur=${COMP_WORDS[COMP_CWORD]} words= options=\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        [[ $word == -* ]] && continue\n"
    "        case \"${verb:+$verb }$word\" in\n";

static const char bash_tail[] = "    if [[ $cur == -* ]]; then\n"
                                "        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
                                "    elif [[ -n $whole ]]; then\n"
                                "        compopt -o filenames\n"
                                "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                                "    else\n"
                                "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                                "    fi\n"
                                "}\n"
                                "complete -F _weir weir weir-recover\n";

static void bash_words(void) {
    fputs("    case $verb in\n    '') words='", stdout);
    for (weir_verb v = 0; v < WEIR_VERBS; v++) {
        size_t length = group_length(v);
        if (length && !is_first_of_group(v)) continue;
        printf("%s%.*s", v ? " " : "", (int)(length ? length : strlen(weir_verbs[v].name)),
               weir_verbs[v].name);
    }
    fputs("' ;;\n", stdout);
    for (weir_verb v = 0; v < WEIR_VERBS; v++) {
        size_t length = group_length(v);
        if (!is_first_of_group(v)) continue;
        printf("    %.*s) words='", (int)length, weir_verbs[v].name);
        for (weir_verb w = v; w < WEIR_VERBS && group_length(w) == length; w++)
            printf("%s%s", w == v ? "" : " ", weir_verbs[w].name + length + 1);
        fputs("' ;;\n", stdout);
    }
    fputs("    esac\n", stdout);
}

static void bash_options(weir_verb verb) {
    printf("    '%s') options='", weir_verbs[verb].name);
    const char *blank = "";
    for (const weir_option *o = weir_options_table; o->name; o++) {
        if (!has_option(verb, o)) continue;
        printf("%s--%s", blank, o->name);
        blank = " ";
    }
    fputs("' ;;\n", stdout);
}

static void write_bash(void) {
    fputs(bash_head, stdout);
    for (weir_verb v = 0; v < WEIR_VERBS; v++) {
        if (is_first_of_group(v))
            printf("        %.*s) verb=$word ;;\n", (int)group_length(v), weir_verbs[v].name);
        printf("        '%s') verb='%s' whole=1; break ;;\n", weir_verbs[v].name,
               weir_verbs[v].name);
    }
    fputs("        *) break ;;\n        esac\n    done\n", stdout);
    bash_words();
    fputs("    case $verb in\n", stdout);
    for (weir_verb v = 0; v < WEIR_VERBS; v++)
        bash_options(v);
    fputs("    *) options='--help --version' ;;\n    esac\n", stdout);
    fputs(bash_tail, stdout);
}

/* ---- zsh -------------------------------------------------------------------------------- */

static const char zsh_head[] =
    "#compdef weir weir-recover\n"
    "# zsh completion for weir and weir-recover; written by `weir completion zsh`.\n"
    "local context state state_descr line verb\n"
    "typeset -A opt_args\n"
    "local -a verbs\n";

static const char zsh_verbs_tail[] = ")\n"
                                     "_arguments -C '1:verb:->verb' '*::operand:->rest'\n"
                                     "if [[ $state == verb ]]; then\n"
                                     "    _describe verb verbs\n"
                                     "    return\n"
                                     "fi\n"
                                     "verb=$line[1]\n";

static void zsh_verbs(const char *group, size_t length) {
    for (weir_verb v = 0; v < WEIR_VERBS; v++) {
        const weir_verb_entry *e = &weir_verbs[v];
        bool of_group =
            group_length(v) == length && length && strncmp(e->name, group, length + 1) == 0;
        if (group && !of_group) continue;
        if (!group && group_length(v)) {
            if (is_first_of_group(v)) printf("    '%.*s:more'\n", (int)group_length(v), e->name);
            continue;
        }
        printf("    '%s:", e->name + (group ? length + 1 : 0));
        put_quoted(e->summary, ":");
        fputs("'\n", stdout);
    }
}

static void zsh_options(weir_verb verb) {
    printf("'%s')\n    _arguments", weir_verbs[verb].name);
    for (const weir_option *o = weir_options_table; o->name; o++) {
        if (!has_option(verb, o)) continue;
        printf(" \\\n        '%s--%s%s[", o->kind == WEIR_OPTION_LIST ? "*" : "", o->name,
               o->argument ? "=" : "");
        put_quoted(o->text, "[]:");
        putchar(']');
        if (o->argument) printf(":%s:_files", o->argument[0] == ':' ? "" : o->name);
        putchar('\'');
    }
    fputs(" \\\n        '*:file:_files'\n    ;;\n", stdout);
}

static void write_zsh(void) {
    fputs(zsh_head, stdout);
    fputs("verbs=(\n", stdout);
    zsh_verbs(NULL, 0);
    fputs(zsh_verbs_tail, stdout);
    for (weir_verb v = 0; v < WEIR_VERBS; v++) {
        if (!is_first_of_group(v)) continue;
        size_t length = group_length(v);
        printf("if [[ $verb == %.*s ]]; then\n    if ((CURRENT == 2)); then\n        verbs=(\n",
               (int)length, weir_verbs[v].name);
        zsh_verbs(weir_verbs[v].name, length);
        fputs("        )\n        _describe verb verbs\n        return\n    fi\n"
              "    verb=\"$verb $words[2]\"\n    shift words\n    ((CURRENT--))\nfi\n",
              stdout);
    }
    fputs("case $verb in\n", stdout);
    for (weir_verb v = 0; v < WEIR_VERBS; v++)
        zsh_options(v);
    fputs("*) _files ;;\nesac\n", stdout);
}

/* ---- fish ------------------------------------------------------------------------------- */

static void fish_condition(weir_verb verb) {
    const char *name = weir_verbs[verb].name;
    size_t length = group_length(verb);
    if (length)
        printf("'__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %s'",
               (int)length, name, name + length + 1);
    else
        printf("'__fish_seen_subcommand_from %s'", name);
}

static void fish_verb(weir_verb verb) {
    const weir_verb_entry *e = &weir_verbs[verb];
    size_t length = group_length(verb);
    if (is_first_of_group(verb))
        printf("complete -c weir -n __fish_use_subcommand -a %.*s -d more\n", (int)length, e->name);
    fputs("complete -c weir -n ", stdout);
    if (length)
        printf("'__fish_seen_subcommand_from %.*s' -a %s", (int)length, e->name,
               e->name + length + 1);
    else
        printf("__fish_use_subcommand -a %s", e->name);
    fputs(" -d '", stdout);
    put_quoted(e->summary, "\\");
    fputs("'\n", stdout);
}

static void fish_options(weir_verb verb) {
    for (const weir_option *o = weir_options_table; o->name; o++) {
        if (!has_option(verb, o)) continue;
        fputs("complete -c weir -n ", stdout);
        fish_condition(verb);
        printf(" -l %s%s -d '", o->name, o->argument ? " -r" : "");
        put_quoted(o->text, "\\");
        fputs("'\n", stdout);
    }
}

static void write_fish(void) {
    fputs("# fish completion for weir and weir-recover; written by `weir completion fish`.\n"
          "complete -c weir-recover -w weir\n",
          stdout);
    for (weir_verb v = 0; v < WEIR_VERBS; v++)
        fish_verb(v);
    for (weir_verb v = 0; v < WEIR_VERBS; v++)
        fish_options(v);
}

/* ---- mdoc ------------------------------------------------------------------------------- */

/* Text, each sentence on a line of its own, as mdoc wants it. roff takes a line that begins with a
 * dot or a quote for its own. */
static void put_roff(const char *text) {
    if (*text == '.' || *text == '\'') fputs("\\&", stdout);
    for (; *text; text++) {
        bool sentence = text[0] == '.' && text[1] == ' ' && text[2] >= 'A' && text[2] <= 'Z';
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '`')
            fputs("\\(ga", stdout);
        else
            putchar(*text);
        if (sentence) putchar('\n');
        if (sentence) text++;
    }
}

static void mdoc_option(const weir_option *o) {
    fputs(".It ", stdout);
    if (o->letter) printf("Fl %c , ", o->letter);
    printf("Fl -%s%s%s\n", o->name, o->argument ? " Ar " : "", o->argument ? o->argument : "");
    put_roff(o->text);
    fputs(".\n", stdout);
}

static void mdoc_verb(weir_verb verb) {
    const weir_verb_entry *e = &weir_verbs[verb];
    printf(".It Cm %s Ar %s\n%c", e->name, e->operands, e->summary[0] - 'a' + 'A');
    put_roff(e->summary + 1);
    fputs(".\n", stdout);
    if (e->text) put_roff(e->text);
    if (e->text) putchar('\n');
    if (e->example) fputs(".Pp\n.Dl ", stdout);
    if (e->example) put_roff(e->example);
    if (e->example) putchar('\n');
    bool any = false;
    for (const weir_option *o = weir_options_table; o->name; o++) {
        if (!has_option(verb, o) || weir_option_is_common(o)) continue;
        if (!any && e->example) fputs(".Pp\n", stdout);
        if (!any) fputs(".Bl -tag -width Ds -compact\n", stdout);
        any = true;
        mdoc_option(o);
    }
    if (any) fputs(".El\n", stdout);
}

static void write_mdoc(void) {
    for (weir_verb v = 0; v < WEIR_VERBS; v++)
        mdoc_verb(v);
}

int weir_run_completion(const weir_arguments *arguments, const weir_place *place) {
    static const struct {
        const char *name;
        void (*write)(void);
    } kinds[] = {
        {"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}, {"mdoc", write_mdoc}};
    (void)place; /* there is none */
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(arguments->target, kinds[i].name) != 0) continue;
        kinds[i].write();
        return WEIR_EXIT_CLEAN;
    }
    weir_report_note("'%s' is none of bash, zsh, fish, mdoc", arguments->target);
    return WEIR_EXIT_USAGE;
}
