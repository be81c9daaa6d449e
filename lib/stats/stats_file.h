/* stats_file.h - figures of an open handle in a mapped file, for whoever looks from outside.
 *
 * The file is written by the threads of the library that has the journal open, under one mutex, and
 * by nobody else; appends do not touch it. It stays when the process dies or closes, with the figures
 * that were stored last: a process that died may have done one more step of each thread than they
 * count. Nothing but reports depends on it. Layout, little-endian:
 *
 *     offset  size
 *          0     8  magic "WEIRSTA1"
 *          8     4  version = 1
 *         12     4  header bytes = 256
 *         16     4  incompatible features: an unknown bit means: do not read
 *         20     4  compatible features
 *         24    16  journal id
 *         40    16  ring id
 *         56    16  boot id
 *         72     8  process
 *         80     8  wall clock when it was opened
 *         88     8  bytes of a lane
 *         96     8  limit of the journal's bytes
 *        104     4  lanes that there can be
 *        108     4  sinks
 *        112    32  name of the program, padded with zeros
 *        144     8  header hash: XXH3-64 of bytes 0 … 143
 *
 *        256     8  sequence: odd while figures are being stored
 *        264   248  figures of the journal, 8 bytes each, in the order of WEIR_FIGURES
 *        512   256  how often each event was raised, by its number
 *       1024  1024  durations of syncs: 128 buckets, see histogram.h
 *       2048        sinks, 2048 bytes each:
 *             0  16  name, padded with zeros
 *            16 496  figures of the sink, 8 bytes each, in the order of WEIR_SINK_FIGURES
 *          1024 1024  durations of its transactions: 128 buckets
 *
 * A figure that a writer does not know is 0; new ones are added at the end of their list. A reader
 * reads the file until two readings agree and the sequence is even. Of a process that died while it
 * stored, the sequence stays odd; each figure is right by itself even then, as it is stored by one
 * instruction. */
#ifndef WEIR_STATS_FILE_H
#define WEIR_STATS_FILE_H

#include <stdatomic.h>
#include <stddef.h>

#include "../base/os.h"
#include "../base/status.h"
#include "histogram.h"

enum {
    WEIR_STATS_VERSION = 1,
    WEIR_STATS_HEADER = 256,
    WEIR_STATS_SEQUENCE = 256,
    WEIR_STATS_FIGURES = 264,
    WEIR_STATS_EVENTS = 512,
    WEIR_STATS_SYNCS = 1024,
    WEIR_STATS_SINKS = 2048,
    WEIR_STATS_SINK_BYTES = 2048,
    WEIR_STATS_SINK_FIGURES = 16,
    WEIR_STATS_SINK_COMMITS = 1024,
    WEIR_STATS_NAME = 16,
    WEIR_STATS_PROGRAM = 32,
    WEIR_STATS_SINKS_MAX = 3,
    WEIR_STATS_BYTES = WEIR_STATS_SINKS + WEIR_STATS_SINKS_MAX * WEIR_STATS_SINK_BYTES,
    WEIR_STATS_EVENTS_MAX = 32,
    WEIR_STATS_FIGURES_MAX = 31,
    WEIR_STATS_SINK_FIGURES_MAX = 62,
};

/* Counts are since the opening, as in weir_stats; times are of the wall clock in nanoseconds, 0:
 * never. */
#define WEIR_FIGURES(X)                                                                            \
    X(state)     /* a weir_stats_state */                                                          \
    X(stored_at) /* when these figures were stored last */                                         \
    X(rows_published)                                                                              \
    X(bytes_published)                                                                             \
    X(rows_refused)                                                                                \
    X(rows_durable)                                                                                \
    X(bytes_durable)                                                                               \
    X(last_row)   /* number of the last durable row */                                             \
    X(durable_at) /* when rows became durable last */                                              \
    X(rows_recovered)                                                                              \
    X(journal_bytes)                                                                               \
    X(syncs)                                                                                       \
    X(sync_ns_total)                                                                               \
    X(sync_ns_max)                                                                                 \
    X(lanes)                                                                                       \
    X(log_dropped)                                                                                 \
    X(log_failed)

#define WEIR_SINK_FIGURES(X)                                                                       \
    X(rows_applied)                                                                                \
    X(rows_rejected)                                                                               \
    X(rows_ignored)                                                                                \
    X(rows_deleted)                                                                                \
    X(keeps_suspended)                                                                             \
    X(last_row_applied)                                                                            \
    X(applied_at)    /* when a transaction was committed last */                                   \
    X(waiting_since) /* when the oldest durable row that is not applied was written; 0: none */    \
    X(transactions)                                                                                \
    X(commit_ns_total)                                                                             \
    X(commit_ns_max)                                                                               \
    X(wal_bytes)                                                                                   \
    X(status) /* a weir_status, two's complement: why nothing is applied; 0: nothing is wrong */

#define WEIR_FIGURE_FIELD(name) uint64_t name;
typedef struct weir_figures {
    WEIR_FIGURES(WEIR_FIGURE_FIELD)
} weir_figures;
typedef struct weir_sink_figures {
    WEIR_SINK_FIGURES(WEIR_FIGURE_FIELD)
} weir_sink_figures;
#undef WEIR_FIGURE_FIELD

typedef enum weir_stats_state {
    WEIR_STATS_NEVER = 0, /* nothing was stored yet */
    WEIR_STATS_OPEN = 1,
    WEIR_STATS_CLOSED = 2,  /* by weir_close */
    WEIR_STATS_STOPPED = 3, /* WEIR_EVENT_STOPPED */
} weir_stats_state;

typedef struct weir_stats_header {
    uint32_t version, incompatible, compatible;
    weir_id journal, ring, boot;
    int64_t process, opened_wall_ns;
    uint64_t lane_bytes, limit_bytes;
    uint32_t lanes_max, sinks;
    char program[WEIR_STATS_PROGRAM + 1];
} weir_stats_header;

void weir_stats_encode_header(uint8_t at[WEIR_STATS_HEADER], const weir_stats_header *header);
/* WEIR_OK, WEIR_VERSION (a newer one wrote it), or WEIR_DAMAGED. */
int weir_stats_decode_header(const uint8_t at[WEIR_STATS_HEADER], weir_stats_header *out);

/* ---- the process that has the journal open ------------------------------------------------ */

/* Make the file anew and map it; *map is then the whole of it, zeros behind the header and the
 * names. Not where a store into the mapping could meet a full disk (WEIR_UNSUPPORTED). name: of the
 * first sink. */
int weir_stats_create(const weir_os *os, int dirfd, const char *path,
                      const weir_stats_header *header, const char *name, uint8_t **map,
                      weir_error *error);
void weir_stats_unmap(const weir_os *os, uint8_t *map);

/* One thread at a time. Counts of the histograms are raised in between, or at any other time. */
void weir_stats_store(uint8_t *map, const weir_figures *figures, const uint64_t *events,
                      size_t event_count, const weir_sink_figures *sinks, uint32_t sink_count);
/* There is one more sink: the header with the new number, and its name. As weir_stats_store. */
void weir_stats_add_sink(uint8_t *map, const weir_stats_header *header, const char *name);
void weir_stats_count_sync(uint8_t *map, uint64_t ns, uint64_t times);
void weir_stats_count_commit(uint8_t *map, uint32_t sink, uint64_t ns);

#endif
