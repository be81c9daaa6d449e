/* view.c - a journal in memory, taken as the tool takes one, and what every look at it promises. */
#include <string.h>

#include "../lib/verify/inspect.h"
#include "harness.h"

weir_journal *fuzz_fresh_journal(memory_os *m) {
    weir_journal_config config = {.os = &m->table,
                                  .directory = MEMORY_DIRECTORY,
                                  .segment_bytes = 1 << 18,
                                  .limit_bytes = 1 << 22,
                                  .zstd_level = 1};
    weir_inventory none = {.verdict = WEIR_VERDICT_FRESH};
    weir_journal *journal;
    MUST(weir_journal_open(&config, &none, &journal, NULL) == WEIR_OK);
    return journal;
}

static void take(fuzz_view *view, bool verify_all) {
    const weir_os *os = &view->os.table;
    weir_error error = {0};
    weir_inspection look;
    weir_inventory_input input = {
        .os = os,
        .directory = MEMORY_DIRECTORY,
        .database_has_positions = view->position_count > 0,
        .positions = view->positions,
        .position_count = view->position_count,
        .verify_all = verify_all,
    };
    view->status = weir_inspect(&input, &look, &error);
    view->ring = look.ring;
    view->inventory = look.inventory;
    MUST(view->status == WEIR_OK || error.text[0]);
    if (view->status == WEIR_OK) fuzz_check_inventory(&view->inventory);
}

bool fuzz_view_take(fuzz_view *view, const uint8_t *data, size_t size, bool verify_all) {
    fuzz_container container;
    fuzz_unpack(data, size, &container);
    memory_os_make(&view->os);
    memory_os_load(&view->os, &container, &view->positions, &view->position_count);
    bool any = container.count > 0;
    fuzz_container_free(&container);
    if (any)
        take(view, verify_all);
    else
        memory_os_free(&view->os);
    return any;
}

void fuzz_view_again(fuzz_view *view, bool verify_all) {
    weir_inventory_free(&view->inventory);
    take(view, verify_all);
}

void fuzz_view_free(fuzz_view *view) {
    weir_inventory_free(&view->inventory);
    memory_os_free(&view->os);
    free(view->positions);
}

/* ---- what an inventory promises ---------------------------------------------------------- */

static void check_extent(const weir_extent *e, const weir_extent *former) {
    MUST(e->path && e->segment >= 1 && e->first_block >= 1);
    MUST(e->begin >= WEIR_BLOCK_ALIGN && e->begin < e->end && e->begin % WEIR_BLOCK_ALIGN == 0);
    MUST(e->last_block - e->first_block < (e->end - e->begin) / WEIR_BLOCK_ALIGN);
    MUST(e->first_block <= e->last_block && e->first_row <= e->next_row);
    if (!former) return;
    MUST(former->last_block < e->first_block);
    MUST(former->segment < e->segment || former->end <= e->begin);
}

static void check_damage(const weir_damage *d) {
    MUST(strlen(d->why) < sizeof d->why && d->why[0]);
    MUST(d->first_block <= d->last_block && d->first_row <= d->last_row);
    MUST((d->first_block == 0) == (d->last_block == 0));
    MUST((d->first_row == 0) == (d->last_row == 0));
}

void fuzz_check_inventory(const weir_inventory *inv) {
    MUST((unsigned)inv->verdict < WEIR_VERDICT_COUNT && inv->detail[0]);
    MUST(strlen(inv->detail) < sizeof inv->detail && !strchr(inv->detail, '\n'));
    for (size_t i = 0; i < inv->extent_count; i++)
        check_extent(&inv->extents[i], i ? &inv->extents[i - 1] : NULL);
    for (size_t i = 0; i < inv->damage_count; i++)
        check_damage(&inv->damages[i]);
    for (size_t i = 1; i < inv->segment_count; i++)
        MUST(inv->segments[i - 1].number < inv->segments[i].number);
    for (uint32_t i = 1; i < inv->drained.count; i++)
        MUST(inv->drained.marks[i - 1].lane < inv->drained.marks[i].lane);
    bool rot = inv->found.tail == WEIR_TAIL_ROT;
    MUST(!rot || weir_verdict_refuses(inv->verdict));
    MUST(!rot || inv->damage_count > 0);
}
