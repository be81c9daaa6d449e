/* takeover.h - the position of a journal in the server: whose it is, and how a transaction makes sure
 * that it still is.
 *
 * One row of weir_position for each journal. Whoever connects takes it over: the epoch goes up by one,
 * under the row's lock. A transaction first locks the row and compares epoch and position, and waits
 * for the answer before it sends anything else. So of an older session, however late it wakes up,
 * nothing is committed beside what the new one has read: either it holds the lock, and taking over
 * waits, or its comparison fails. */
#ifndef WEIR_PG_TAKEOVER_H
#define WEIR_PG_TAKEOVER_H

#include "../lib/format/marks.h"
#include "connection.h"

/* In SQL: a COMMIT waits for a standby. Without senders it does not, whatever the names say, and says
 * nothing. */
#define WEIR_PG_WAITS_FOR_STANDBY                                                                  \
    "current_setting('synchronous_standby_names') <> '' AND"                                       \
    " current_setting('max_wal_senders')::int > 0"

typedef struct weir_pg_hold {
    char table[160];       /* weir_position, with its schema, quoted */
    weir_position at;      /* as it was read, or committed last */
    int64_t epoch;         /* 0: not held */
    bool sound;            /* what server_checks.h looks at was so when the position was compared */
    uint32_t lock_wait_ms; /* how long locks are waited for, less than the connection's timeout */
} weir_pg_hold;

/* schema NULL: by search_path. */
int weir_pg_hold_make(weir_pg_hold *hold, const char *schema, const weir_id journal,
                      uint32_t timeout_ms, weir_error *error);
/* BEGIN, with the settings that each transaction of this journal needs. */
int weir_pg_begin(weir_pg *pg, const weir_pg_hold *hold, weir_error *error);
/* The same, to read alone, which a standby allows too. */
int weir_pg_begin_to_read(weir_pg *pg, const weir_pg_hold *hold, weir_error *error);
/* Make the position ours, and read it. WEIR_BUSY while another session of this journal is in a
 * transaction; it was told to end, if we may do that. Outside of a transaction. */
int weir_pg_take_over(weir_pg *pg, weir_pg_hold *hold, weir_error *error);
/* A transaction of weir_pg_begin has failed with that status: roll back. Where a lock was waited for in
 * vain, other sessions of this journal are told to end, and it is WEIR_BUSY. */
int weir_pg_give_up(weir_pg *pg, const weir_pg_hold *hold, int status, weir_error *error);
/* BEGIN, what the transaction needs, and the comparison. WEIR_BUSY when somebody else has taken over
 * (hold->epoch is then 0). Without hold->sound the server is not to be relied on: server_checks.h says
 * why. */
int weir_pg_hold_begin(weir_pg *pg, weir_pg_hold *hold, weir_error *error);
/* Store a new position. standbys, may be NULL: whether the server waits for any at COMMIT. */
int weir_pg_hold_move(weir_pg *pg, const weir_pg_hold *hold, const weir_position *to,
                      bool *standbys, weir_error *error);

/* "weir 00000000-…": the application_name of sessions of this journal, while they are in a
 * transaction. */
void weir_pg_session_name(const weir_id journal, char name[48]);

#endif
