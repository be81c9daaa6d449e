/* row_vtab.h - rows of a decoded block as an SQLite table, from which INSERT … SELECT reads them.
 *
 * There is one eponymous virtual table for each declared table, named weir_row_vtab_<number>, with
 * columns c0, c1, …. It exists on the connection alone, never in the file, and no trigger or view
 * of the schema can read it. Measured: about twice as many rows a second as with bind, step and
 * reset for each row. */
#ifndef WEIR_ROW_VTAB_H
#define WEIR_ROW_VTAB_H

#include <sqlite3.h>

#include "../../lib/format/row.h"

/* A row, encoded as it is in a block. */
typedef struct weir_row_vtab_row {
    const uint8_t *bytes;
    uint32_t length;
    uint16_t table;
    uint16_t index; /* within the rows that are fed together, to find its number again */
} weir_row_vtab_row;

typedef struct weir_row_vtab weir_row_vtab;

/* Register the table. The feed belongs to the connection and goes with it. */
int weir_row_vtab_make(sqlite3 *db, uint16_t table, uint16_t columns, weir_row_vtab **out,
                       weir_error *error);

/* The rows that the next SELECT yields; they and their bytes must outlive it. */
void weir_row_vtab_give(weir_row_vtab *feed, const weir_row_vtab_row *rows, size_t count);

/* Has a row failed to parse since the last give? Then the SELECT has ended with an error. */
bool weir_row_vtab_damaged(const weir_row_vtab *feed);

#endif
