/* verdict.c - the table of cases. */
#include "verdict.h"

#include <stddef.h>
#include <weir/weir.h>

/* One line a case, in the order of WEIR_VERDICT_LIST: the first that fits is the verdict. */
weir_verdict weir_judge(const weir_findings *f) {
    bool none = f->journal == WEIR_JOURNAL_ABSENT || f->journal == WEIR_JOURNAL_EMPTY;
    bool readable =
        f->ring == WEIR_RING_OURS || f->ring == WEIR_RING_FOREIGN || f->ring == WEIR_RING_CUT;
    bool unknown = f->position == WEIR_POSITION_NONE || f->position == WEIR_POSITION_OTHER;

    if (f->database == WEIR_DATABASE_BROKEN) return WEIR_VERDICT_BROKEN_DATABASE;
    if (f->journal == WEIR_JOURNAL_NEWER || f->ring == WEIR_RING_NEWER) return WEIR_VERDICT_NEWER;
    if (f->journal == WEIR_JOURNAL_MIXED) return WEIR_VERDICT_MIXED;
    if (none && readable) return WEIR_VERDICT_RING_WITHOUT_JOURNAL;
    if (f->ring == WEIR_RING_FOREIGN) return WEIR_VERDICT_FOREIGN_RING;
    if (f->ring == WEIR_RING_UNREADABLE) return WEIR_VERDICT_DAMAGED_RING;
    if (f->ring == WEIR_RING_CUT) return WEIR_VERDICT_CUT_RING;
    if (f->tail == WEIR_TAIL_ROT) return WEIR_VERDICT_ROT;
    if (f->position == WEIR_POSITION_DIFFERS) return WEIR_VERDICT_DIVERGED;
    if (f->position == WEIR_POSITION_BEYOND) return WEIR_VERDICT_JOURNAL_BEHIND;
    if (f->position == WEIR_POSITION_BEFORE) return WEIR_VERDICT_DATABASE_BEHIND;
    if (!none && unknown && f->recycled) return WEIR_VERDICT_DATABASE_BEHIND;
    if (f->database == WEIR_DATABASE_MISSED && f->rows) return WEIR_VERDICT_DATABASE_MISSING;
    if (f->spent) return WEIR_VERDICT_SPENT;
    if (none) return WEIR_VERDICT_FRESH;
    if (f->tail == WEIR_TAIL_TORN) return WEIR_VERDICT_TORN_TAIL;
    return WEIR_VERDICT_CLEAN;
}

#define NAME_BROKEN_DATABASE "broken_database"
#define NAME_NEWER "newer"
#define NAME_MIXED "mixed"
#define NAME_RING_WITHOUT_JOURNAL "ring_without_journal"
#define NAME_FOREIGN_RING "foreign_ring"
#define NAME_DAMAGED_RING "damaged_ring"
#define NAME_CUT_RING "cut_ring"
#define NAME_ROT "rot"
#define NAME_DIVERGED "diverged"
#define NAME_JOURNAL_BEHIND "journal_behind"
#define NAME_DATABASE_BEHIND "database_behind"
#define NAME_DATABASE_MISSING "database_missing"
#define NAME_SPENT "spent"
#define NAME_FRESH "fresh"
#define NAME_TORN_TAIL "torn_tail"
#define NAME_CLEAN "clean"

typedef struct verdict_entry {
    bool refuses;
    const char *name, *text;
} verdict_entry;

static const verdict_entry *entry_of(weir_verdict v) {
    static const verdict_entry table[] = {
#define ENTRY(name, refuses, text) {refuses, NAME_##name, text},
        WEIR_VERDICT_LIST(ENTRY)
#undef ENTRY
    };
    static const verdict_entry unknown = {true, "unknown", "no verdict of this version"};
    return (size_t)v < WEIR_VERDICT_COUNT ? &table[v] : &unknown;
}

bool weir_verdict_refuses(weir_verdict v) { return entry_of(v)->refuses; }

const char *weir_verdict_name(weir_verdict v) { return entry_of(v)->name; }

const char *weir_verdict_text(weir_verdict v) { return entry_of(v)->text; }

/* DAMAGED: something that was promised is damaged or missing. FOREIGN: each part is whole, but they
 * do not belong together. */
int weir_verdict_status(weir_verdict v) {
    if (!weir_verdict_refuses(v)) return WEIR_OK;
    switch (v) {
    case WEIR_VERDICT_BROKEN_DATABASE: return WEIR_DATABASE;
    case WEIR_VERDICT_NEWER: return WEIR_VERSION;
    case WEIR_VERDICT_MIXED:
    case WEIR_VERDICT_FOREIGN_RING:
    case WEIR_VERDICT_DIVERGED:
    case WEIR_VERDICT_JOURNAL_BEHIND:
    case WEIR_VERDICT_DATABASE_BEHIND:
    case WEIR_VERDICT_DATABASE_MISSING: return WEIR_FOREIGN;
    default: return WEIR_DAMAGED;
    }
}
