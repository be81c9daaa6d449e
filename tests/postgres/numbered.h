/* numbered.h - rows numbered from 1, through a journal into the table "numbered" of a server, and
 * whether each is there once. For tests in which the server is not the same from first to last. */
#ifndef WEIR_TESTS_NUMBERED_H
#define WEIR_TESTS_NUMBERED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/postgres.h>

#include "pg_server.h"

typedef struct numbered {
    char directory[96];
    weir *w; /* NULL: closed */
    weir_table *table;
    uint64_t rows;                /* appended */
    _Atomic uint32_t told;        /* of events: a bit for each */
    _Atomic uint32_t moves;       /* times that POSITION_MOVED was told */
    char moved[400], damage[400]; /* the last text of these events */
} numbered;

/* A fresh journal, whose first sink the server is. Segments are of 1 MiB. */
void numbered_begin(numbered *n, const char *conninfo, const weir_postgres_options *options);
void numbered_open(numbered *n, const char *conninfo, const weir_postgres_options *options);
int numbered_close(numbered *n); /* what weir_close answers */
void numbered_end(numbered *n);  /* closed, and the journal deleted */

/* Rows of about 1 KiB. */
void numbered_append(numbered *n, unsigned rows);
/* Rows until so many milliseconds have gone, with a pause after each few. */
void numbered_append_for(numbered *n, unsigned ms);
void numbered_wait(numbered *n); /* until all are applied: asserted, within a minute */
bool numbered_was_told(const numbered *n, weir_event event);

/* The server has rows 1 … n->rows, each once, in the order in which they were appended. */
void numbered_check(const numbered *n, const pg_server *server);
long long numbered_count(const pg_server *server);

#endif
