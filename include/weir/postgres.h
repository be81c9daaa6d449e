/* weir/postgres.h - the journal of a weir into a PostgreSQL server, beside SQLite or without it. Link
 * with libweir-postgres (pkg-config: weir-postgres).
 *
 * What holds of an SQLite database holds of the server: each row comes once, in order, through the death
 * of the program, of the backend, of the server and of the network between them; a row that the server
 * refuses stands in its table weir_reject with the reason. A server that is away delays nobody who
 * appends: rows wait in the journal. docs/POSTGRES.md says what differs from SQLite. */
#ifndef WEIR_POSTGRES_H
#define WEIR_POSTGRES_H

#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

/* When a row counts as safe without the journal, so that its segment may go. */
typedef enum weir_postgres_safety {
    WEIR_POSTGRES_LOCAL,   /* committed and synced on that server */
    WEIR_POSTGRES_STANDBY, /* and on a synchronous standby, without a warning */
} weir_postgres_safety;

/* What happens when a sink is further behind than its limit. */
typedef enum weir_postgres_lag {
    /* WEIR_EVENT_SINK_DETACHED: what it lacks goes to the archive, and waits there until the sink is
     * attached again under its name. */
    WEIR_POSTGRES_LAG_DETACH,
    /* WEIR_EVENT_SINK_LAGS: its segments stay; when the journal is full, its full policy decides. */
    WEIR_POSTGRES_LAG_HOLD,
} weir_postgres_lag;

/* Zero is the default in every field: start from weir_postgres_options p = {0}. Read during the call
 * only; fields are added at its end, as with weir_options. */
typedef struct weir_postgres_options {
    /* Where tables are looked for and made, weir's own too; NULL: the first schema of search_path, which
     * must be the same at each connection. At most 63 bytes; copied. */
    const char *schema;
    weir_postgres_safety safety;
    /* Keep applied segments for so long, and until so many bytes follow, since a standby that is promoted
     * may lack the last transactions: they are then applied again. 0: not at all. keep_s: seconds since
     * the commit; what an earlier process committed counts from when the sink is attached. keep_bytes:
     * of blocks as they are stored. With both, a segment stays until both are over. */
    uint32_t keep_s;
    uint64_t keep_bytes;
    /* Bytes of segments that wait for this sink and that another one has. Default: half of the handle's
     * journal_limit_bytes; for weir_open_postgres() none. */
    uint64_t lag_limit_bytes;
    weir_postgres_lag at_lag_limit;
    uint32_t timeout_ms; /* of each thing that the server is asked for; default 10 000 */
    /* Nonzero: tables that weir makes get a column weir_row bigint, the journal's number of the row; one
     * that a table has is filled. */
    int row_numbers;
    int by_insert; /* nonzero: INSERT in place of COPY in every table; slower */
} weir_postgres_options;

/* conninfo is libpq's: an URI or keyword=value, with its environment, service and password files. It is
 * copied, and never shown: messages name user, host and database only. Several hosts are tried in turn;
 * add target_session_attrs=read-write where a standby may be promoted. client_encoding is always UTF8;
 * keepalives are on.
 *
 * The server: PostgreSQL 13 or later, a database with the encoding UTF8, fsync and full_page_writes on,
 * weir_position neither unlogged nor temporary. Each connection is checked. weir makes the tables
 * weir_position and weir_reject where they are missing. Transactions use synchronous_commit = on.
 *
 * Through pgbouncer too, in session and in transaction mode: no prepared statement, advisory lock or
 * setting outlives a transaction, and search_path is that of the role and database, whatever other
 * clients of the pool have set.
 *
 * Of one journal one program writes. A session of the same journal that is still in a transaction is
 * ended (pg_terminate_backend, where the role may do so). Two programs with copies of one journal take
 * the position from each other; no row comes twice, and once the copies differ, as they do when both have
 * been opened and one of them closed, applying stops with WEIR_FOREIGN.
 *
 * Not promised: timeout_ms holds for all that is asked of the server, but libpq looks up host names
 * without it (use hostaddr= where a name server may hang). A server that is promoted without what it
 * had acknowledged gets those rows again only while keep_s or keep_bytes hold their segments.
 * WEIR_POSTGRES_STANDBY holds of commits that came with no warning: a wait that an administrator
 * cancels is committed, visible, and not safe; its segment stays. */

WEIR_API int weir_attach_postgres_sized(weir *w, const char *name, const char *conninfo,
                                        const weir_postgres_options *options, size_t options_bytes);
WEIR_API int weir_open_postgres_sized(const char *conninfo, const char *directory,
                                      const weir_options *options, size_t options_bytes,
                                      const weir_postgres_options *postgres, size_t postgres_bytes,
                                      weir **out);

/* Apply the journal of an open handle to a server too. name: of the sink, 1 to 64 letters, digits, '-',
 * '_' and '.', not beginning with '.'; copied. options: NULL, or copied. A sink that is known from before
 * goes on where it is; a new one begins with the oldest row that there is. weir_wait_sink(),
 * weir_sink_stats() and weir_detach() take the name; weir_detach() ends it, and weir_close() does.
 *
 * Any thread, but no signal handler. Waits for the server, at most open_timeout_ms and once timeout_ms.
 * Not promised: that anything is on the server when it returns, or that declarations fit there; what
 * does not fit stops this sink (apply_status WEIR_SCHEMA) and no other.
 *
 * WEIR_OK, also when the server cannot be reached now, starts, stops, or is a standby: it is tried
 * again. WEIR_DATABASE: it refuses (password, database, role), TLS or a certificate is not as sslmode
 * wants it, or it does not fit (above): the text says what to do. When that comes later, applying stops,
 * with WEIR_EVENT_APPLY_STOPPED, and is tried again every few seconds. WEIR_MISUSE: conninfo, name or
 * options make no sense, or the name is in use; conninfo is not quoted. WEIR_FULL: the handle has three sinks, those that were detached since it was opened
 * included. WEIR_DAMAGED: the journal's record of the sink cannot be read. WEIR_UNSUPPORTED: rows that
 * it lacks are not there any more. WEIR_IO, WEIR_NO_MEMORY, WEIR_CLOSED, WEIR_FORKED. */
static inline int weir_attach_postgres(weir *w, const char *name, const char *conninfo,
                                       const weir_postgres_options *options) {
    return weir_attach_postgres_sized(w, name, conninfo, options, sizeof *options);
}

/* Open a journal in directory, made if it is missing, whose rows go to a server: its first sink, named
 * "postgres", which WEIR_APPLIED, weir_sync(), weir_wait() and weir_stats() mean. options, postgres: NULL,
 * or copied. *out: NULL on failure; weir_close() it. Recovers first, as weir_open_sqlite() does. The
 * directory belongs to this journal and server, and its name does not end in -weir, as that of an SQLite
 * database's journal does; journal_directory and must_exist of the options say nothing here.
 * lag_limit_bytes without a value is none, and at_lag_limit is always HOLD.
 *
 * Declaring asks the server, on a connection of its own. While the server is away weir_declare() allows
 * every declaration without a WEIR_KEY, and it is judged when it is applied; with one it answers WEIR_BUSY,
 * since the next key depends on what is there.
 *
 * Errors as above, and those of opening a journal (weir_open_sqlite() in weir/sqlite.h). WEIR_FOREIGN, too,
 * for the journal of an SQLite database, which may lack rows of it. Not promised: to find that the server
 * has another journal's rows as well; that is allowed. */
static inline int weir_open_postgres(const char *conninfo, const char *directory,
                                     const weir_options *options,
                                     const weir_postgres_options *postgres, weir **out) {
    return weir_open_postgres_sized(conninfo, directory, options, sizeof *options, postgres,
                                    sizeof *postgres, out);
}

#ifdef __cplusplus
}
#endif

#endif
