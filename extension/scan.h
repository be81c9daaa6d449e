/* scan.h - rows that are durable in a journal and not applied to its database, one after the other.
 *
 * A damaged journal gives its rows up to the damage, and then the error. */
#ifndef WEIR_SQL_SCAN_H
#define WEIR_SQL_SCAN_H

#include "../lib/format/expand.h"
#include "../lib/verify/reader.h"
#include "../recovery/rowtext.h"
#include "look.h"

typedef struct weir_sql_scan {
    const char *directory;
    weir_sql_look look;
    weir_reader *reader;
    weir_tables tables;
    weir_expander *expander;
    size_t extent;  /* that is read, or comes next */
    uint64_t block; /* the row's */
    uint64_t next;  /* row number that comes next */
    bool in_block;
    weir_read_block read;
    weir_cursor body; /* at the next row of the block */
    uint64_t number;  /* of that row */
    weir_row row;     /* valid after WEIR_OK; large: 2000 values */
} weir_sql_scan;

/* place must outlive the scan. On an error *out is NULL. */
int weir_sql_scan_make(sqlite3 *db, const weir_sql_place *place, weir_sql_scan **out,
                       weir_error *error);
void weir_sql_scan_free(weir_sql_scan *scan); /* NULL is allowed */

/* The next row of this table (NULL: of any) to scan->row. WEIR_PENDING: that was the last one. */
int weir_sql_scan_next(weir_sql_scan *scan, const char *table, weir_error *error);

#endif
