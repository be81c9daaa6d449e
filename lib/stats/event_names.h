/* event_names.h - the names of events, as they stand in weir.h. */
#ifndef WEIR_EVENT_NAMES_H
#define WEIR_EVENT_NAMES_H

/* "SYNC_FAILED"; NULL for a number that is no event. */
const char *weir_event_name(unsigned event);

#endif
