/* event_names.c - the names of events. */
#include "event_names.h"

#include <stddef.h>

#include <weir/weir.h>

const char *weir_event_name(unsigned event) {
    switch (event) {
    case WEIR_EVENT_RECOVERED: return "RECOVERED";
    case WEIR_EVENT_TORN_TAIL: return "TORN_TAIL";
    case WEIR_EVENT_DAMAGE: return "DAMAGE";
    case WEIR_EVENT_SYNC_FAILED: return "SYNC_FAILED";
    case WEIR_EVENT_STOPPED: return "STOPPED";
    case WEIR_EVENT_APPLY_WAITS: return "APPLY_WAITS";
    case WEIR_EVENT_APPLY_STOPPED: return "APPLY_STOPPED";
    case WEIR_EVENT_APPLY_RESUMED: return "APPLY_RESUMED";
    case WEIR_EVENT_REJECTED: return "REJECTED";
    case WEIR_EVENT_NO_SPACE: return "NO_SPACE";
    case WEIR_EVENT_WEAKENED: return "WEAKENED";
    case WEIR_EVENT_GROWS_AGAIN: return "GROWS_AGAIN";
    case WEIR_EVENT_TABLE_MENDED: return "TABLE_MENDED";
    case WEIR_EVENT_WAL_GROWS: return "WAL_GROWS";
    case WEIR_EVENT_KEEP_FAILS: return "KEEP_FAILS";
    case WEIR_EVENT_LOG_REFUSED: return "LOG_REFUSED";
    case WEIR_EVENT_NO_LANE: return "NO_LANE";
    case WEIR_EVENT_JOURNAL: return "JOURNAL";
    case WEIR_EVENT_READER_PASSED: return "READER_PASSED";
    case WEIR_EVENT_POSITION_MOVED: return "POSITION_MOVED";
    case WEIR_EVENT_SINK_LAGS: return "SINK_LAGS";
    case WEIR_EVENT_SINK_DETACHED: return "SINK_DETACHED";
    default: return NULL;
    }
}
