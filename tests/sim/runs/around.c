/* around.c - rows that a verdict names as lost, and no others, are lost: what can be read around
 * damage is read, as the tool does when it is told to go on. */
#include <stdlib.h>

#include "../../../writer/apply/replay.h"
#include "runs.h"

/* Whether some damage names row number n, which in a life without power cuts is row n of the
 * model. */
static bool is_named(const weir_inventory *found, uint64_t n) {
    for (size_t i = 0; i < found->damage_count; i++)
        if (found->damages[i].first_row <= n && n <= found->damages[i].last_row) return true;
    return false;
}

static bool all_known(const weir_inventory *found) {
    for (size_t i = 0; i < found->damage_count; i++) {
        const weir_damage *d = &found->damages[i];
        if (d->first_row && !d->last_row) return false;
        if (!d->first_row && d->why[0] == 0) return false;
    }
    return true;
}

static int replay_around(sim_life *life, const weir_inventory *found, weir_error *error) {
    weir_sink sink = {0};
    weir_position *positions = NULL;
    size_t count = 0;
    int status = life->base->open(&sink, &positions, &count, error);
    free(positions);
    if (status != WEIR_OK) return status;
    weir_replay *r = NULL;
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    weir_replay_result result;
    limits.last_block = found->end.block;
    status = weir_replay_make(sim_os(), weir_inventory_locator(found), found->journal, &sink,
                              WEIR_REPLAY_SKIP_DAMAGE, &r);
    while (status == WEIR_OK)
        status = weir_replay_step(r, &limits, &result, error);
    weir_replay_free(r);
    sink.close(sink.self);
    return status == WEIR_PENDING ? WEIR_OK : status;
}

/* Applied rows stay whatever happens to the journal; a row that only the ring has is not
 * replayed. */
static void compare(sim_life *life, const weir_inventory *found) {
    uint32_t numbers[2 * SIM_ROWS];
    bool there[SIM_ROWS + 1] = {false};
    long count = life->base->rows(numbers, 2 * SIM_ROWS, &life->error);
    if (count < 0) sim_broken("after reading around: %s", life->error.text);
    for (long i = 0; i < count; i++) {
        if (there[numbers[i]])
            sim_broken("after reading around: row %u is there twice", numbers[i]);
        there[numbers[i]] = true;
    }
    for (uint32_t n = 1; n <= life->model.count; n++) {
        bool lost = is_named(found, n) && n > found->position.row;
        if (there[n] == !lost) continue;
        sim_broken("row %u was %s, and is %s after reading around: %s", n,
                   lost ? "named as lost" : "not named", there[n] ? "there" : "missing",
                   found->detail);
    }
}

/* A block without rows may have declared a table. Where nothing else declares it, its rows stay in
 * the journal, and whoever replays is told so. */
static bool lost_declarations(const weir_inventory *found) {
    for (size_t i = 0; i < found->damage_count; i++)
        if (!found->damages[i].first_row) return true;
    return false;
}

void sim_read_around(sim_life *victim, const sim_injury *injury) {
    weir_inventory found = {0};
    sim_visit(SIM_REFUSED_KIND);
    sim_must(victim, sim_life_look(victim, &found), "a look at what was refused");
    if (found.verdict == WEIR_VERDICT_ROT && !injury->may_lose && all_known(&found)) {
        int status = replay_around(victim, &found, &victim->error);
        if (status != WEIR_DAMAGED || !lost_declarations(&found)) {
            sim_must(victim, status, "reading around");
            compare(victim, &found);
            sim_visit(SIM_READ_AROUND_KIND);
        }
    }
    weir_inventory_free(&found);
}
