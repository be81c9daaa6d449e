/* feed.h - rows of a decoded block as an SQLite table, from which INSERT … SELECT reads them.
 *
 * There is one eponymous virtual table for each declared table, named weir_feed_<number>, with
 * columns c0, c1, …. It exists on the connection alone, never in the file, and no trigger or view
 * of the schema can read it. Measured: about twice as many rows a second as with bind, step and
 * reset for each row. */
#ifndef WEIR_FEED_H
#define WEIR_FEED_H

#include <sqlite3.h>

#include "../../lib/format/row.h"

/* A row, encoded as it is in a block. */
typedef struct weir_feed_row {
    const uint8_t *bytes;
    uint32_t length;
    uint16_t table;
    uint16_t index; /* within the rows that are fed together, to find its number again */
} weir_feed_row;

typedef struct weir_feed weir_feed;

/* Register the table. The feed belongs to the connection and goes with it. */
int weir_feed_make(sqlite3 *db, uint16_t table, uint16_t columns, weir_feed **out,
                   weir_error *error);

/* The rows that the next SELECT yields; they and their bytes must outlive it. */
void weir_feed_give(weir_feed *feed, const weir_feed_row *rows, size_t count);

/* Has a row failed to parse since the last give? Then the SELECT has ended with an error. */
bool weir_feed_damaged(const weir_feed *feed);

#endif
