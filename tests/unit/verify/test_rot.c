/* test_rot.c - a journal damaged anywhere: nothing is lost in silence. */
/* Covers: lib/verify/damage.c, lib/verify/walk.c */
#include "inspect.h"

/* Whatever a single flipped bit hits: the verdict is one of three, and no row is lost in
 * silence. */
static void every_place_flipped(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    t->input.verify_all = true;
    for (uint64_t segment = 1; segment <= 3; segment++) {
        for (uint64_t at = 0; at < 5 * WEIR_BLOCK_ALIGN; at += 37) {
            forge_flip(&t->f, segment, at);
            take(t);
            uint64_t rows = 0;
            for (size_t i = 0; i < t->inv.extent_count; i++)
                rows += t->inv.extents[i].next_row - t->inv.extents[i].first_row;
            for (size_t i = 0; i < t->inv.damage_count; i++)
                if (t->inv.damages[i].first_row)
                    rows += t->inv.damages[i].last_row - t->inv.damages[i].first_row + 1;
            bool last = segment == 3 && at >= forge_header_at(&t->f, 12);
            assert_int_equal(rows + (t->inv.verdict == WEIR_VERDICT_TORN_TAIL ? 10 : 0), 90);
            if (t->inv.verdict == WEIR_VERDICT_TORN_TAIL)
                assert_true(last);
            else if (t->inv.verdict != WEIR_VERDICT_CLEAN)
                assert_verdict(t, "rot");
            forge_flip(&t->f, segment, at);
        }
    }
}

/* Damage of some kind somewhere. */
static void damage_somewhere(inspected *t, weir_rng *rng) {
    uint64_t segment = 1 + weir_rng_below(rng, 4);
    if (access(forge_path(&t->f, segment), F_OK) != 0) return;
    size_t size;
    free(weir_file_read(forge_path(&t->f, segment), &size));
    uint64_t at = weir_rng_below(rng, 5 * WEIR_BLOCK_ALIGN), page = at / WEIR_BLOCK_ALIGN;
    bool inside = (page + 1) * WEIR_BLOCK_ALIGN <= size;
    switch (weir_rng_below(rng, 7)) {
    case 0:
        if (inside) forge_flip(&t->f, segment, at);
        break;
    case 1:
        if (inside) forge_flip(&t->f, segment, page * WEIR_BLOCK_ALIGN + at % 200);
        break;
    case 2:
        if (inside) forge_edit(&t->f, segment, page * WEIR_BLOCK_ALIGN, NULL, WEIR_BLOCK_ALIGN);
        break;
    case 3: forge_cut(&t->f, segment, at); break;
    case 4: forge_remove(&t->f, segment); break;
    case 5:
        weir_file_copy_tree(forge_path(&t->f, segment), forge_path(&t->f, segment % 4 + 1));
        break;
    default:
        if (inside)
            forge_edit(&t->f, segment, page * WEIR_BLOCK_ALIGN, t->f.bytes, WEIR_BLOCK_ALIGN);
    }
}

static void assert_orderly(inspected *t) {
    uint64_t block = 0;
    for (size_t i = 0; i < t->inv.extent_count; i++) {
        const weir_extent *e = &t->inv.extents[i];
        assert_true(e->first_block > block && e->last_block >= e->first_block);
        assert_true(e->end > e->begin && e->next_row >= e->first_row);
        block = e->last_block;
    }
    if (t->inv.extent_count) assert_int_equal(t->inv.end.block, block);
    for (size_t i = 0; i < t->inv.damage_count; i++) {
        const weir_damage *d = &t->inv.damages[i];
        assert_true(d->first_block <= d->last_block && d->first_row <= d->last_row);
    }
    assert_true(t->inv.durable_end.block == t->inv.durable.block || t->inv.extent_count == 0);
    assert_int_equal(t->inv.found.tail == WEIR_TAIL_ROT, t->inv.verdict == WEIR_VERDICT_ROT);
}

/* Damage in several places: whatever the verdict, what counts as the stream can be read, in order. */
static void damage_in_many_places(void **state) {
    inspected *t = *state;
    t->input.verify_all = true;
    weir_rng rng = {20261123};
    unsigned rot = 0;
    for (int i = 0; i < 250; i++) {
        for (uint64_t s = 1; s <= 4; s++)
            (void)unlink(forge_path(&t->f, s));
        memset(&t->f.end, 0, sizeof t->f.end);
        t->f.next_row = 1;
        forge_journal(&t->f, 4);
        for (uint64_t n = 1 + weir_rng_below(&rng, 4); n > 0; n--)
            damage_somewhere(t, &rng);
        take(t);
        assert_orderly(t);
        for (size_t e = 0; e < t->inv.extent_count; e++)
            assert_readable(t, t->inv.extents[e].first_block, t->inv.extents[e].last_block, 0, 0);
        if (t->inv.verdict == WEIR_VERDICT_ROT) rot++;
    }
    assert_true(rot > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        INSPECT_TEST(every_place_flipped),
        INSPECT_TEST(damage_in_many_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
