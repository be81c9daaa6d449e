/* dump_filter.c - which rows a dump writes: by table, by level, by text. */
#include "dump_filter.h"

#include <string.h>
#include <strings.h>

#include <weir/log.h>

int weir_dump_level(const char *name) {
    for (weir_log_level l = WEIR_TRACE; l <= WEIR_FATAL; l++)
        if (strcasecmp(name, weir_log_level_name(l)) == 0) return (int)l;
    return -1;
}

static bool is_of_tables(const weir_texts *tables, const weir_row *row) {
    for (const weir_texts *t = tables; t && row->declaration; t = t->next)
        if (strcasecmp(t->text, row->declaration->name) == 0) return true;
    return !tables;
}

/* Of a level that somebody else named, nobody knows where it stands. */
static bool has_level(const weir_row *row, int least) {
    char name[16];
    const weir_value *v = row->declaration ? weir_row_value(row, 1, "level") : NULL;
    if (!v || v->type != WEIR_TEXT || v->length >= sizeof name) return false;
    memcpy(name, v->as.bytes, v->length);
    name[v->length] = '\0';
    return weir_dump_level(name) >= least;
}

static bool contains_text(const weir_row *row, const char *text) {
    size_t length = strlen(text);
    for (uint16_t i = 0; i < row->count; i++) {
        const weir_value *v = &row->values[i];
        if (v->type == WEIR_TEXT && (length == 0 || memmem(v->as.bytes, v->length, text, length)))
            return true;
    }
    return false;
}

bool weir_dump_wants(const weir_arguments *a, const weir_row *row) {
    if (!is_of_tables(a->tables, row)) return false;
    if (a->level && !has_level(row, weir_dump_level(a->level))) return false;
    return !a->match || contains_text(row, a->match);
}
