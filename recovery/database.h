/* database.h - what a database says of journals, read without changing a byte on the disk. */
#ifndef WEIR_DATABASE_VIEW_H
#define WEIR_DATABASE_VIEW_H

#include "../lib/inventory.h"

typedef enum weir_database_state {
    WEIR_DATABASE_ABSENT,
    WEIR_DATABASE_READ,
    WEIR_DATABASE_UNREADABLE, /* why says what SQLite said */
} weir_database_state;

typedef struct weir_database_view {
    weir_database_state state;
    weir_position *positions;
    size_t count;
    uint64_t rejects; /* rows in the reject table */
    char why[200];
} weir_database_view;

/* path may be NULL: absent. Returns WEIR_OK whatever was found, or WEIR_NO_MEMORY. */
int weir_database_look(const char *path, weir_database_view *out);
void weir_database_free(weir_database_view *view);

#endif
