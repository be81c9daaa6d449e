/* columns.c - the columns of a dump of one table. */
#include "columns.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool has_column(const weir_columns *columns, const char *name) {
    for (size_t i = 0; i < columns->count; i++)
        if (strcasecmp(columns->name[i], name) == 0) return true;
    return false;
}

static int add_columns(weir_columns *columns, const weir_declaration *d) {
    char **grown = realloc(columns->name, (columns->count + d->columns) * sizeof *grown);
    if (!grown) return WEIR_NO_MEMORY;
    columns->name = grown;
    for (uint16_t i = 0; i < d->columns; i++) {
        if (has_column(columns, d->column[i].name)) continue;
        char *name = strdup(d->column[i].name);
        if (!name) return WEIR_NO_MEMORY;
        columns->name[columns->count++] = name;
    }
    return WEIR_OK;
}

int weir_columns_of(const weir_tables *tables, const char *table, weir_columns *out) {
    *out = (weir_columns){0};
    for (size_t i = 0; i < tables->count; i++) {
        if (strcasecmp(tables->list[i]->name, table) != 0) continue;
        if (add_columns(out, tables->list[i]) == WEIR_OK) continue;
        weir_columns_free(out);
        return WEIR_NO_MEMORY;
    }
    return out->count > 0 ? WEIR_OK : WEIR_NOT_FOUND;
}

void weir_columns_free(weir_columns *columns) {
    for (size_t i = 0; i < columns->count; i++)
        free(columns->name[i]);
    free(columns->name);
    *columns = (weir_columns){0};
}

static void take_in_declaration(weir_tables *tables, const weir_read_block *block) {
    if (block->header.kind == WEIR_BLOCK_DECLARATIONS)
        (void)weir_tables_merge(tables, block->payload.body);
}

/* The head of the newest segment has all earlier declarations; the rest are after it. */
void weir_tables_read(weir_tables *tables, const weir_inventory *inventory, weir_reader *reader) {
    if (inventory->extent_count == 0) return;
    const weir_extent *newest = &inventory->extents[inventory->extent_count - 1];
    weir_read_block block;
    if (weir_reader_declarations(reader, newest->last_block, &block, NULL) == WEIR_OK)
        take_in_declaration(tables, &block);
    for (uint64_t b = newest->first_block; b <= newest->last_block; b++)
        if (weir_reader_read(reader, b, &block, NULL) == WEIR_OK)
            take_in_declaration(tables, &block);
}
