/* keep_settings.h - the limits that weir_keep has set, by table: calls set them, and the writer
 * takes them over. Any thread. */
#ifndef WEIR_KEEP_SETTINGS_H
#define WEIR_KEEP_SETTINGS_H

#include <pthread.h>
#include <weir/sqlite.h>

#include "../../lib/base/status.h"

typedef struct weir_keep_setting {
    char *table;
    char *time_column;       /* NULL: age is no limit */
    weir_keep_limits limits; /* limits.time_column is not used */
    uint64_t version;        /* of the settings when it was set */
    struct weir_keep_setting *next;
} weir_keep_setting;

typedef struct weir_keep_settings {
    pthread_mutex_t lock; /* the list, and all that is in it */
    weir_keep_setting *first;
    /* Grows with each call; release under lock. The writer loads it with acquire, and takes the lock
     * only when it has changed. */
    _Atomic uint64_t version;
} weir_keep_settings;

/* All is copied. Limits of zero stay in the list, for the writer to see. */
int weir_keep_settings_set(weir_keep_settings *s, const char *table, const weir_keep_limits *limits,
                           weir_error *error);
void weir_keep_settings_clear(weir_keep_settings *s); /* while nobody else uses them */

/* For the writer: has anything been set since version? Then call each for every setting, under
 * lock; it may not call back. WEIR_OK, or what each returned first, and *version stays. */
int weir_keep_settings_read(weir_keep_settings *s, uint64_t *version,
                            int (*each)(void *context, const weir_keep_setting *setting),
                            void *context);

#endif
