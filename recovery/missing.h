/* missing.h - a database whose journal is not there: may rows be missing? */
#ifndef WEIR_MISSING_H
#define WEIR_MISSING_H

#include "arguments.h"
#include "place.h"

typedef enum weir_missing {
    WEIR_MISSING_NEVER, /* no journal has ever filled it */
    WEIR_MISSING_NONE,  /* when its journal was closed, no row waited; or it was forgotten */
    WEIR_MISSING_ROWS,  /* its journal was in use when it was written last */
} weir_missing;

/* In words: text. For a place without a journal and with a database. WEIR_OK or WEIR_NO_MEMORY. */
enum { WEIR_MISSING_TEXT = 1000 };
int weir_missing_judge(const weir_place *place, weir_missing *out, char text[WEIR_MISSING_TEXT]);
const char *weir_missing_verdict(weir_missing missing); /* "journal_missing", "no_journal" */

#endif
