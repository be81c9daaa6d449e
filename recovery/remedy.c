/* remedy.c - what to do about what was found, by case and by verb. */
#include "remedy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/base/shell_word.h"
#include "../lib/verify/verdict_text.h"
#include "copies.h"
#include "server_verbs.h"

const char *weir_remedy_operand(const weir_arguments *a, const char *target,
                                char text[WEIR_REMEDY_TEXT]) {
    if (!target) target = "DATABASE";
    if (a->journal)
        (void)snprintf(text, WEIR_REMEDY_TEXT, "--journal %.280s %.280s",
                       weir_shell_quote(a->journal, 280).text, weir_shell_quote(target, 280).text);
    else
        (void)snprintf(text, WEIR_REMEDY_TEXT, "%.280s",
                       weir_shell_quote(target, 400).text); /* both fit */
    return text;
}

/* Filling something else, or asking how full a server is: the journal's own database is of no concern. */
static bool is_for_another(const weir_arguments *a) {
    return a->verb == WEIR_VERB_REPLAY || weir_is_server(a->into);
}

/* ---- a damage -------------------------------------------------------------------------- */

/* The file that is not here: the damage names it, or the last one before it. */
static uint64_t missing_segment(const weir_damage *d) {
    return d->path ? d->segment + 1 : d->segment;
}

/* The file to look for, by the name that it must have. */
static void name_file(const weir_damage *d, char *text, size_t size) {
    const char *slash = d->path ? strrchr(d->path, '/') : NULL;
    if (d->missing)
        (void)snprintf(text, size, "segment-%020" PRIu64, missing_segment(d));
    else if (d->path)
        (void)snprintf(text, size, "%.100s", slash ? slash + 1 : d->path);
    else
        (void)snprintf(text, size, "segment-%020" PRIu64, d->segment); /* both fit */
}

static const char *remedy_without_loss(const weir_arguments *a, char text[WEIR_REMEDY_TEXT]) {
    char operand[WEIR_REMEDY_TEXT];
    if (a->verb == WEIR_VERB_SALVAGE || is_for_another(a))
        (void)snprintf(text, WEIR_REMEDY_TEXT, "nothing is needed");
    else
        (void)snprintf(
            text, WEIR_REMEDY_TEXT,
            "nothing is lost by setting the file aside and going on (weir salvage %.800s)",
            weir_remedy_operand(a, a->target, operand)); /* it fits */
    return text;
}

static char *copy_of_missing(const char *directory, const weir_inventory *inventory,
                             const weir_damage *d) {
    return directory ? weir_copy_of_segment(directory, inventory->journal, missing_segment(d))
                     : NULL;
}

static char *directory_of_segments(const weir_inventory *inventory) {
    const char *path = inventory->segment_count ? inventory->segments[0].path : NULL;
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? strndup(path, (size_t)(slash - path)) : NULL;
}

/* That a copy exists is not known; where the tools would have put one is looked at. */
static const char *remedy_of_missing(const weir_arguments *a, const weir_inventory *inventory,
                                     const weir_damage *d, char text[WEIR_REMEDY_TEXT]) {
    char operand[WEIR_REMEDY_TEXT];
    char *directory = directory_of_segments(inventory);
    char *copy = copy_of_missing(directory, inventory, d);
    if (copy)
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "a copy stands elsewhere, put it back: cp %.400s %.400s",
                       weir_shell_quote(copy, 400).text, weir_shell_quote(directory, 400).text);
    else
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "%ssegment-%020" PRIu64
                       "%s: no copy stands in archive or beside the journal, so look in your "
                       "backups; without one, go on and lose no other rows (weir salvage %.600s)",
                       d->path ? "this file may be an older copy, or what is missing is "
                               : "it is ",
                       missing_segment(d), d->path ? " and what follows it" : "",
                       weir_remedy_operand(a, a->target, operand)); /* it fits */
    free(copy);
    free(directory);
    return text;
}

const char *weir_remedy_of_damage(const weir_arguments *a, const weir_inventory *inventory,
                                  const weir_damage *d, char text[WEIR_REMEDY_TEXT]) {
    char file[128], operand[WEIR_REMEDY_TEXT];
    if (inventory->verdict == WEIR_VERDICT_JOURNAL_BEHIND) {
        (void)snprintf(text, WEIR_REMEDY_TEXT, "put the journal's newest files back"); /* it fits */
        return text;
    }
    if (d->segment == 0) {
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "they are in the database that was filled last, or in "
                       "segments that were moved away"); /* it fits */
        return text;
    }
    if (!weir_findings_lost(inventory, d) && !d->rows_unknown) return remedy_without_loss(a, text);
    name_file(d, file, sizeof file);
    if (d->missing && a->verb != WEIR_VERB_SALVAGE && !is_for_another(a))
        return remedy_of_missing(a, inventory, d, text);
    if (a->verb == WEIR_VERB_SALVAGE && !a->save_to)
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "with a sound copy of %s they can be brought in later (weir salvage --undo "
                       "%.600s)",
                       file, weir_remedy_operand(a, a->target, operand)); /* all of these fit */
    else if (a->verb == WEIR_VERB_SALVAGE || a->skip_damage)
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "with a sound copy of %s a file that is filled anew has them", file);
    else if (is_for_another(a))
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "put a sound copy of %s back, or leave these rows out (%s--skip-damage)",
                       file, a->verb == WEIR_VERB_REPLAY ? "" : "replay ");
    else
        (void)snprintf(
            text, WEIR_REMEDY_TEXT,
            "put a sound copy of %s back, if there is one; without one, go on and lose no "
            "other rows (weir salvage %.600s)",
            file, weir_remedy_operand(a, a->target, operand));
    return text;
}

/* ---- a verdict ------------------------------------------------------------------------- */

/* In salvage and replay the verdict's own words would name the verb that one is in, or what does
 * not help there. NULL: they are right. */
static const char *way_on(const weir_arguments *a, const weir_inventory *i) {
    bool salvages = a->verb == WEIR_VERB_SALVAGE, replays = a->verb == WEIR_VERB_REPLAY;
    if (!salvages && !is_for_another(a)) return NULL;
    switch (i->verdict) {
    case WEIR_VERDICT_BROKEN_DATABASE:
        return salvages
                   ? "put a copy of it back, or fill a new one with all that can be read of it "
                     "and of the journal (--to NEW)"
                   : "name another file to fill, which does not exist yet";
    case WEIR_VERDICT_RING_WITHOUT_JOURNAL: return "put the segment files back";
    case WEIR_VERDICT_DAMAGED_RING: return "put a sound copy back";
    case WEIR_VERDICT_CUT_RING:
        return salvages ? "put the whole file back"
                        : "put the whole file back, or go on without them (--skip-damage)";
    case WEIR_VERDICT_ROT:
        return salvages  ? "put a sound copy back"
               : replays ? "put a sound copy back, or leave these rows out (--skip-damage)"
                         : "put a sound copy back, or leave these rows out (replay --skip-damage)";
    case WEIR_VERDICT_SPENT:
        return salvages ? "bring its rows into another database (--to NEW), and move it away"
                        : NULL;
    default: return NULL;
    }
}

/* The verdict's own words are of a database file, which can be put back or forgotten. */
const char *weir_server_words(const weir_inventory *i, char text[WEIR_REMEDY_TEXT]) {
    unsigned long long row = i->position.row, first = 0, last = 0;
    unsigned long long end = i->next_row ? i->next_row - 1 : 0;
    uint64_t gone_first, gone_last;
    weir_findings_gone(i, &gone_first, &gone_last);
    first = gone_first, last = gone_last;
    if (i->found.position == WEIR_POSITION_DIFFERS)
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "the server's position, row %llu at block %llu, is of another history of "
                       "this journal: a copy of it was in use, or one of the two was put back from "
                       "a backup; apply the journal that belongs to it, or fill another schema "
                       "(--schema) or database",
                       row, (unsigned long long)i->position.block);
    else if (i->found.position == WEIR_POSITION_BEYOND)
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "the server has applied up to row %llu, and what is here of the journal "
                       "ends at row %llu: it is an older copy; put its newest files back",
                       row, end);
    else
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "rows %llu to %llu are not in the server, and have left the journal and its "
                       "archive; bring in what is left all the same (replay --skip-damage)",
                       first, last); /* all of these fit */
    return text;
}

static bool is_of_server(const weir_arguments *a, const weir_inventory *i) {
    return weir_is_server(a->into) &&
           (i->verdict == WEIR_VERDICT_DIVERGED || i->verdict == WEIR_VERDICT_JOURNAL_BEHIND ||
            i->verdict == WEIR_VERDICT_DATABASE_BEHIND);
}

const char *weir_remedy_of_verdict(const weir_arguments *a, const weir_inventory *i,
                                   char text[WEIR_REMEDY_TEXT]) {
    if (is_of_server(a, i)) return weir_server_words(i, text);
    const char *way = i->remedy ? way_on(a, i) : NULL;
    size_t length = way ? i->remedy : sizeof i->detail;
    const char *detail = i->detail[0] ? i->detail : weir_verdict_text(i->verdict);
    (void)snprintf(text, WEIR_REMEDY_TEXT, "%.*s%s%s", (int)length, detail, way ? "; " : "",
                   way ? way : ""); /* it fits */
    return text;
}
