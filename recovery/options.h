/* options.h - the table of the options. */
#ifndef WEIR_OPTIONS_H
#define WEIR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "arguments.h"

typedef enum weir_option_kind {
    WEIR_OPTION_FLAG,      /* bool */
    WEIR_OPTION_TEXT,      /* const char * */
    WEIR_OPTION_NUMBER,    /* uint64_t, least … most */
    WEIR_OPTION_NUMBER_32, /* uint32_t, the same */
    WEIR_OPTION_MOMENT,    /* int64_t, nanoseconds since 1970 */
    WEIR_OPTION_LIST,      /* weir_texts *: may be given again */
} weir_option_kind;

/* Lines of one name are for different verbs, and alike in letter and in whether they take an
 * argument. */
typedef struct weir_option {
    const char *name;
    const char *argument; /* as --help names it; NULL for a flag */
    const char *text;     /* for --help */
    uint64_t verbs;       /* a bit each, as WEIR_BIT gives it */
    weir_option_kind kind;
    size_t field; /* in weir_arguments */
    uint64_t least, most;
    char letter; /* "-o"; 0: none */
} weir_option;

#define WEIR_BIT(verb) (UINT64_C(1) << WEIR_VERB_##verb)

extern const weir_option weir_options_table[]; /* ends with a name that is NULL */

/* Most verbs have it: the tool's own help and the manual page tell it once. */
bool weir_option_is_common(const weir_option *o);

#endif
