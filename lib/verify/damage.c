/* damage.c - what a walk says of places that cannot be read, and how far each of them reaches. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "walk.h"

int weir_walk_no_memory(const weir_walk *w) {
    return weir_fail(w->error, WEIR_NO_MEMORY, "%s: no memory to read it", w->input->directory);
}

void *weir_walk_grow(void *array, size_t count, size_t *capacity, size_t element) {
    if (count < *capacity) return array;
    size_t wanted = *capacity * 2 + 16;
    void *larger = realloc(array, wanted * element);
    if (larger) *capacity = wanted;
    return larger;
}

int weir_walk_damage(weir_walk *w, weir_damage damage, const char *path, const char *format, ...) {
    weir_inventory *inv = w->inventory;
    weir_damage *list =
        weir_walk_grow(inv->damages, inv->damage_count, &w->damage_capacity, sizeof *list);
    if (!list) return weir_walk_no_memory(w);
    inv->damages = list;
    damage.path = path ? strdup(path) : NULL;
    if (path && !damage.path) return weir_walk_no_memory(w);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(damage.why, sizeof damage.why, format,
                    arguments); /* a cut text is still a text */
    va_end(arguments);
    list[inv->damage_count++] = damage;
    return WEIR_OK;
}

weir_damage weir_walk_here(const weir_walk *w, uint64_t offset) {
    return (weir_damage){.segment = w->link->number,
                         .offset = offset,
                         .first_block = w->next_block,
                         .first_row = w->next_row};
}

const char *weir_walk_path(const weir_walk *w) {
    return w->link->note ? w->link->note->path : NULL;
}

/* Everything before block and row is lost; 0: nobody knows how much. Where nobody says what had to come
 * first, rows before row may be lost that the database has not applied. */
static void finish_damage(weir_damage *d, uint64_t block, uint64_t row, uint64_t applied) {
    d->last_block = block > d->first_block ? block - 1 : 0;
    d->last_row = row > d->first_row ? row - 1 : 0;
    if (d->first_block == 0 || d->last_block == 0) d->first_block = d->last_block = 0;
    if (d->first_row && row == 0) {
        size_t length = strlen(d->why);
        (void)snprintf(d->why + length, sizeof d->why - length, "; rows from %llu on are concerned",
                       (unsigned long long)d->first_row); /* a cut text is still a text */
    }
    d->rows_unknown = row == 0 || (d->first_row == 0 && row > applied + 1);
    if (d->first_row == 0 || d->last_row == 0) d->first_row = d->last_row = 0;
}

void weir_walk_close_damage(weir_walk *w, uint64_t block, uint64_t row) {
    weir_inventory *inv = w->inventory;
    if (w->open) finish_damage(&inv->damages[inv->damage_count - 1], block, row, inv->position.row);
    w->open = false;
}

int weir_walk_open_damage(weir_walk *w, uint64_t offset, const char *why) {
    weir_walk_close_damage(w, 0, 0);
    int status = weir_walk_damage(w, weir_walk_here(w, offset), weir_walk_path(w), "%s", why);
    w->open = status == WEIR_OK;
    return status;
}

uint64_t weir_walk_offset(const weir_walk *w) {
    bool any = w->last.block && w->last.segment == w->link->number;
    return any ? w->inventory->end.offset : w->link->begin;
}
