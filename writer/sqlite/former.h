/* former.h - what a database remembers of its journals, when one of them is opened: whether that one is
 * elsewhere than last time, and which others are gone while rows may have waited in them. */
#ifndef WEIR_FORMER_H
#define WEIR_FORMER_H

#include "journals.h"

/* What the column "closed" of weir_position says of a journal. */
enum {
    WEIR_JOURNAL_IN_USE = 0, /* rows may have followed the position */
    WEIR_JOURNAL_CLOSED = 1, /* no row followed it when the journal was closed */
    WEIR_JOURNAL_GONE = 2,   /* as IN_USE, and at a later opening it was not there */
};

/* The journal with this id is opened in j->directory. Tells each(context, text) what is not as it was
 * last time. A journal that is gone is told once. One that was forgotten (weir forget) and was moved
 * back counts as forgotten no more. Outside a transaction, before weir_journals_enter. Where the database
 * cannot be written now, the next opening tells the same. */
int weir_former_look(const weir_journals *j, const weir_id opened,
                     void (*each)(void *context, const char *text), void *context,
                     weir_error *error);

#endif
