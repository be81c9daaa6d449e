/* reading.h - a reading of a journal: one item after the other. <weir/read.h> says what they are, and
 * the tool's dump reads by this too. */
#ifndef WEIR_READING_H
#define WEIR_READING_H

#include <weir/read.h>

#include "../format/expand.h"
#include "../format/tables.h"
#include "../verify/archive.h"
#include "place_text.h"
#include "stretch.h"

struct weir_reading {
    const weir_os *os;
    char *directory;
    weir_archive archive; /* its os finds segments there too */
    weir_stretch stretch;
    weir_reader *reader;
    weir_tables tables;
    weir_expander *expander;

    weir_bookmark mark; /* after the last item */
    uint64_t next;      /* block to be read; the mark's stays one with rows */
    bool settled;       /* mark was found in the stream that was looked at */
    bool by_row;        /* only the row of mark counts: it is where to begin */
    bool anywhere;      /* begin where the journal does; what came before is no gap */
    bool newest;        /* begin at its end */
    bool with_archive;  /* begin in the archive */
    bool look_due, verify;
    int looks;            /* in a row without an item between */
    uint64_t looked_ns;   /* when that was last done */
    uint64_t troubled;    /* block that could not be read before the last look; 0: none */
    uint64_t incarnation; /* of the last block; 0: none yet */
    uint64_t declared_to; /* the tables are known that were declared up to this block */

    weir_read_block block; /* under way, if in_block */
    bool in_block;
    weir_cursor body;
    uint64_t number; /* of the row where body is */

    /* Blocks whose rows are passed over without a word; NULL: none are. */
    bool (*wants)(void *context, const weir_block_header *h);
    void *context;

    char *name; /* NULL: none */
    uint64_t hold_bytes, poll_ns;
    struct weir_read_item item;
    char text[400];
    weir_value values[WEIR_COLUMNS_MAX];
};

/* directory: copied. The first look is made by the first call that needs it. */
int weir_reading_make(const weir_os *os, const char *directory, weir_reading **out,
                      weir_error *error);
void weir_reading_free(weir_reading *r);

/* The next item to r->item; answers like weir_read_next. */
int weir_reading_next(weir_reading *r, weir_error *error);
/* Look now, if that is due. WEIR_OK also when there is no journal yet. */
int weir_reading_look(weir_reading *r, weir_error *error);
/* Answers like weir_read_wait; deadline by os->now, 0: look once. */
int weir_reading_wait(weir_reading *r, uint64_t deadline, weir_error *error);

/* Find mark in what was looked at: settle.c. WEIR_OK; WEIR_PENDING: the journal does not reach so far
 * (yet); WEIR_FOREIGN, in words; or as a reader answers. */
int weir_reading_settle(weir_reading *r, weir_error *error);
static inline bool weir_reading_is_there(const weir_reading *r) {
    return !weir_id_is_none(r->stretch.journal);
}

#endif
