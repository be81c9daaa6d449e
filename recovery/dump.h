/* dump.h - the state of a dump, for its parts. */
#ifndef WEIR_DUMP_H
#define WEIR_DUMP_H

#include "../lib/read/reading.h"
#include "arguments.h"
#include "database.h"
#include "place.h"
#include "rowtext.h"

typedef struct weir_dumping {
    const weir_arguments *arguments;
    const weir_place *place;
    const weir_os *os;
    weir_reading *reading;
    weir_database_view database;
    weir_inventory_input known; /* of the database, for the reading's looks */
    weir_tables tables;   /* all that are declared, for what must be known before the first row */
    weir_columns columns; /* of a CSV */
    weir_row row;         /* large: 2000 values */
    uint64_t left;        /* rows that --limit still allows */
    uint64_t last;        /* row after which it ends */
    bool damaged;
    bool fresh;         /* lines were written since the reader's place was written down */
    uint64_t kept_ns;   /* when that was */
    int64_t newest_ns;  /* the latest clock of a block so far */
    uint64_t astray[2]; /* rows in a row whose clock was behind that; 0: none */
    char cursor[WEIR_PLACE_TEXT];
} weir_dumping;

/* Write the row, if it is wanted: dump.c. */
void weir_dump_row(weir_dumping *d);

/* All that are declared in the journal: dump_tables.c. */
int weir_dump_know_tables(const weir_dumping *d, weir_tables *tables, weir_error *error);

/* Choose the columns of a CSV and write its header; check that the tables exist: dump_tables.c. */
int weir_dump_begin_output(weir_dumping *d, weir_error *error);

/* Write the rows that have become durable since; WEIR_PENDING: there are none. dump.c. */
int weir_dump_durable(weir_dumping *d, weir_error *error);

/* The rows that are in the ring alone: dump_ring.c. */
int weir_dump_ring(weir_dumping *d, weir_error *error);

#endif
