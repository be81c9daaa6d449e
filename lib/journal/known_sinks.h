/* known_sinks.h - the list of sinks that a journal knows. Private to this folder; under releasing,
 * but where it says otherwise. */
#ifndef WEIR_KNOWN_SINKS_H
#define WEIR_KNOWN_SINKS_H

#include "sinks.h"

typedef struct weir_known_sinks {
    weir_known_sink *list;
    size_t count;
} weir_known_sinks;

/* Read at opening, once the journal's id is known. An error when the directory cannot be read: then
 * nothing may be released. */
int weir_known_sinks_take(weir_journal *j, weir_error *error);
/* All up to this block may be released. */
uint64_t weir_known_sinks_floor(weir_journal *j);
/* A file that ends with this block goes to the archive: a sink lacks some of it. */
bool weir_known_sinks_lack(const weir_journal *j, uint64_t last_block);
/* Look who is beyond its limit: it is detached, or it is to be told. */
int weir_known_sinks_judge(weir_journal *j, weir_error *error);

/* The next two take releasing themselves. */
/* Tell what judging found. */
void weir_known_sinks_tell(weir_journal *j);
/* Release what no sink needs. */
int weir_journal_release_unwanted(weir_journal *j, weir_error *error);

#endif
