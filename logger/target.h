/* target.h - the table that lines go to: opened when it can be, and again when it has to be. */
#ifndef WEIR_LOGGER_TARGET_H
#define WEIR_LOGGER_TARGET_H

#include <stdatomic.h>

#include "lines.h"
#include "options.h"

typedef struct weir_target {
    const weir_logger_options *options;
    int64_t process;
    weir *w; /* NULL: not open */
    weir_table *table;
    int trouble; /* why no line can become a row now; WEIR_OK: lines can */
    uint64_t since_ns, pause_ns, try_at_ns;
    bool hurried;           /* wait for nothing any more */
    uint64_t rejected_rows; /* of handles that are closed */
    _Atomic bool told_of_rejected;
} weir_target;

weir_target weir_target_make(const weir_logger_options *options);

/* Can a line be tried now? Opens and declares when it is time to. Takes a quarter of a second at
 * most, unless rows have to be recovered. Says on stderr what is the matter, and when it is over. */
bool weir_target_ready(weir_target *t);
/* The line is a row, published. Else it is to be tried again. */
bool weir_target_append(weir_target *t, const weir_line *line, const char *bytes);
/* Has every row reached that level? Waits a moment for it. */
bool weir_target_reached(weir_target *t, weir_level level);

/* Has it been trouble for longer than --wait? */
bool weir_target_gives_up(const weir_target *t);
void weir_target_hurry(weir_target *t); /* one more try, at once, and then give up */
/* Until the next try, ns; UINT64_MAX: nothing is to be tried. lines: some are to become rows. */
uint64_t weir_target_pause(const weir_target *t, bool lines);

/* Wait until every row has reached that level; but not for longer than --wait without progress, or
 * two seconds after a signal. */
bool weir_target_settle(const weir_target *t, weir_level level);
/* Settle all rows as applied, as far as it can be done, and close. Returns an exit code. */
int weir_target_close(weir_target *t);

#endif
