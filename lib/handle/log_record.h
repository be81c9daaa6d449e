/* log_record.h - the flight recorder of a handle: messages below the level that is logged. Private
 * to this folder. The file and its slots are in ring/recorder.h. */
#ifndef WEIR_LOG_RECORD_H
#define WEIR_LOG_RECORD_H

#include "log_site.h"

/* ---- log_level.c ---- */

extern _Atomic int weir_logged_level; /* what weir_log_set_level() said; relaxed: see log_level.c */

static inline bool weir_log_is_logged(weir_log_level level) {
    return (int)level >= atomic_load_explicit(&weir_logged_level, memory_order_relaxed);
}

/* Levels that this handle records, a bit each: the lowest one and all above. 0: none. */
void weir_log_set_recorded(weir *w, uint32_t levels);

static inline bool weir_log_is_recorded(const weir *w, weir_log_level level) {
    /* Acquire: the recorder is there. */
    return (unsigned)level < WEIR_LOG_LEVELS &&
           atomic_load_explicit(&w->log_recorded, memory_order_acquire) >> level & 1;
}

/* ---- log_record.c ---- */

/* Put a row into the recorder. WEIR_TOO_BIG: it does not fit a slot. WEIR_FULL: all slots that were
 * tried are being written or brought out. Otherwise as weir_append_row. */
int weir_log_record(const weir_table *t, const weir_value *values);
/* The same for a row of the table "log", which is cut to fit. */
WEIR_SLOW int weir_log_record_cut(const weir_table *t, const weir_value *values);

/* What weir_log_flush_recorder() does, without a text for weir_last_error(). WEIR_BUSY: on a thread
 * of the library, while another thread brings out. */
int weir_log_bring_out(weir *w);

/* As the options say; the caller holds declaring. */
int weir_log_set_recorder(weir *w, const weir_log_options *options, weir_error *error);

/* Closing: is a message being recorded; remove the file; give up what there is. */
bool weir_log_is_recording(const weir *w);
void weir_log_remove_recorder(const weir *w);
void weir_log_end_recorder(weir *w);

#endif
