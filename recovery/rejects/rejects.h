/* rejects.h - rows of the table weir_reject: which of them a verb is about. Shared by the verbs of this
 * folder. */
#ifndef WEIR_REJECTS_H
#define WEIR_REJECTS_H

#include <sqlite3.h>

#include "../../lib/base/status.h"
#include "../arguments.h"
#include "../place.h"

/* What "FROM main.weir_reject WHERE" is to be followed by; the parameters are ?1 (--table), ?2
 * (--match), and ?3 (--id, as ",1,5,"). Bound by weir_rejects_bind. */
#define WEIR_REJECTS_CHOSEN                                                                        \
    "(?1 IS NULL OR table_name = ?1 COLLATE NOCASE)"                                               \
    " AND (?2 IS NULL OR instr(\"values\", ?2) OR instr(message, ?2))"                             \
    " AND (?3 IS NULL OR instr(?3, ',' || id || ','))"

/* Prepare sql, whose first three parameters are those. */
int weir_rejects_prepare(sqlite3 *db, const weir_arguments *arguments, const char *sql,
                         sqlite3_stmt **out, weir_error *error);

/* WEIR_NOT_FOUND, in words: there is no database here. */
int weir_rejects_check_place(const weir_place *place, weir_error *error);
/* WEIR_MISUSE: an --id that is no number. */
int weir_rejects_check_ids(const weir_arguments *arguments, weir_error *error);

/* A connection that writes as the program's writer does: foreign keys, functions of --load. Close it by
 * sqlite3_close, also after a failure. */
int weir_rejects_open(const weir_arguments *arguments, const weir_place *place, sqlite3 **out,
                      weir_error *error);

#endif
