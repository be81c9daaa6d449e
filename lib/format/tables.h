/* tables.h - the head of a segment: all tables declared so far, and how far the lanes are
 * drained. */
#ifndef WEIR_TABLES_H
#define WEIR_TABLES_H

#include "block.h"
#include "template.h"

typedef struct weir_tables { /* by ascending table number */
    weir_declaration **list;
    size_t count, capacity;
    weir_templates templates;
} weir_tables;

/* Add the declarations of a payload; one of a known number replaces that number's. */
int weir_tables_merge(weir_tables *t, weir_cursor body);
void weir_tables_free(weir_tables *t);
/* The declaration with this number, or NULL. */
const weir_declaration *weir_tables_find(const weir_tables *t, uint16_t number);
/* How many values a row of this number may have, a table's or a template's; 0: not declared, or
 * not so that the row could be stored. */
unsigned weir_tables_width(const weir_tables *t, uint16_t number);

/* The payload of a declarations block for the head of a segment (malloc). */
int weir_tables_payload(const weir_tables *t, const weir_drained *drained, uint8_t **payload,
                        size_t *bytes);

#endif
