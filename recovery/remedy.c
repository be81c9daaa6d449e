/* remedy.c - what to do about what was found, by case and by verb. */
#include "remedy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../lib/verify/verdict_text.h"

/* ---- a damage -------------------------------------------------------------------------- */

/* The file to look for, by the name that it must have. */
static void name_file(const weir_damage *d, char *text, size_t size) {
    const char *slash = d->path ? strrchr(d->path, '/') : NULL;
    if (d->path)
        (void)snprintf(text, size, "%.100s", slash ? slash + 1 : d->path);
    else
        (void)snprintf(text, size, "segment-%020" PRIu64, d->segment); /* both fit */
}

static const char *remedy_without_loss(const weir_arguments *a, char text[WEIR_REMEDY_TEXT]) {
    if (a->verb == WEIR_VERB_SALVAGE || a->verb == WEIR_VERB_REPLAY)
        (void)snprintf(text, WEIR_REMEDY_TEXT, "nothing is needed");
    else
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "nothing is lost by weir salvage %.400s, which sets "
                       "the file aside and goes on",
                       a->target); /* it fits */
    return text;
}

const char *weir_remedy_of_damage(const weir_arguments *a, const weir_inventory *inventory,
                                  const weir_damage *d, char text[WEIR_REMEDY_TEXT]) {
    char file[128];
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
    if (a->verb == WEIR_VERB_SALVAGE && !a->save_to)
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "with a sound copy of %s they can be brought in later (weir salvage --undo "
                       "%.400s)",
                       file, a->target); /* all of these fit */
    else if (a->verb == WEIR_VERB_SALVAGE || a->skip_damage)
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "with a sound copy of %s a file that is filled anew has them", file);
    else if (a->verb == WEIR_VERB_REPLAY)
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "put a sound copy of %s back, or leave these rows out (--skip-damage)",
                       file);
    else
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "put a sound copy of %s back; without one, weir salvage %.400s goes on and "
                       "loses no other rows",
                       file, a->target);
    return text;
}

/* ---- a verdict ------------------------------------------------------------------------- */

/* In salvage and replay the verdict's own words would name the verb that one is in, or what does
 * not help there. NULL: they are right. */
static const char *way_on(const weir_arguments *a, const weir_inventory *i) {
    bool salvages = a->verb == WEIR_VERB_SALVAGE, replays = a->verb == WEIR_VERB_REPLAY;
    if (!salvages && !replays) return NULL;
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
        return salvages ? "put a sound copy back"
                        : "put a sound copy back, or leave these rows out (--skip-damage)";
    case WEIR_VERDICT_SPENT:
        return replays ? NULL : "bring its rows into another database (--to NEW), and move it away";
    default: return NULL;
    }
}

const char *weir_remedy_of_verdict(const weir_arguments *a, const weir_inventory *i,
                                   char text[WEIR_REMEDY_TEXT]) {
    const char *way = i->remedy ? way_on(a, i) : NULL;
    size_t length = way ? i->remedy : sizeof i->detail;
    const char *detail = i->detail[0] ? i->detail : weir_verdict_text(i->verdict);
    (void)snprintf(text, WEIR_REMEDY_TEXT, "%.*s%s%s", (int)length, detail, way ? "; " : "",
                   way ? way : ""); /* it fits */
    return text;
}
