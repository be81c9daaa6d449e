/* sink_view.h - the sinks that a journal knows by name, each with what waits for it: from its record
 * (FORMAT.md, section 14), the journal's blocks, the archive, and the figures of the process. */
#ifndef WEIR_SINK_VIEW_H
#define WEIR_SINK_VIEW_H

#include "../lib/verify/inventory.h"
#include "../lib/verify/sink_files.h"
#include "place.h"

typedef struct weir_sink_view {
    weir_sink_note note;
    bool ours;              /* its record is of the journal that stands here */
    uint64_t applied;       /* last row that it has, as far as record or figures know */
    uint64_t waiting;       /* durable rows after that */
    uint64_t journal_bytes; /* of segments that stay for it: the lag limit counts these */
    uint64_t
        archive_bytes; /* of archived segments that have blocks which it is not known to have */
    bool beyond;       /* journal_bytes, the limit */
    uint64_t lacks_first, lacks_last; /* blocks that it needs and that stand nowhere; 0: none */
    int apply_status; /* why the process that has the journal open applies nothing; WEIR_OK: it does */
} weir_sink_view;

typedef struct weir_sink_views {
    weir_sink_view *list; /* in the order of their names */
    size_t count;
} weir_sink_views;

/* An error only when the directory of the records, or the archive, cannot be read; then nothing is to
 * be freed. */
int weir_sink_views_take(const weir_place *place, const weir_inventory *inventory,
                         weir_sink_views *out, weir_error *error);
void weir_sink_views_free(weir_sink_views *views);

/* What a person must act on, in words, or "": its record cannot be read, rows have left the journal
 * without it, it is beyond its limit, or it is detached and rows wait in the archive. */
enum { WEIR_SINK_TROUBLE = 400 };
const char *weir_sink_trouble(const weir_sink_view *view, char text[WEIR_SINK_TROUBLE]);
/* Why a record cannot be read. */
const char *weir_sink_record_fault(int status);

#endif
