/* check_takeover.c - a server tried: the position that two connections want to move. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../writer/apply/sink.h"
#include "check_points.h"

enum { LOCK_MS = 300, FEW = 10, TRIES = 30 };

static void pause_trial(void) {
    struct timespec time = {0, 100000000};
    (void)nanosleep(&time, NULL); /* a signal may end it early */
}

static weir_position trial_place(const weir_pg_checking *c, uint64_t block) {
    weir_position at = {.block = block, .row = block * 10, .hash = block << 32 | 7};
    weir_id_copy(at.journal, c->journal);
    return at;
}

/* One transaction as the sink makes it, but for its end. */
static int transact(weir_pg_checking *c, weir_pg *pg, weir_pg_hold *hold, uint64_t block,
                    weir_error *error) {
    const weir_position to = trial_place(c, block);
    int64_t first = (int64_t)block * 1000000;
    int status = weir_pg_hold_begin(pg, hold, error);
    if (status == WEIR_OK) status = weir_pg_check_copy(c, pg, first, first + FEW - 1, false, error);
    return status == WEIR_OK ? weir_pg_hold_move(pg, hold, &to, NULL, error) : status;
}

static int commit_trial(weir_pg *pg, weir_pg_hold *hold, const weir_position *to,
                        weir_error *error) {
    int status = weir_pg_commit(pg, error);
    if (status == WEIR_OK) hold->at = *to;
    return status;
}

static int stored_block(weir_pg_checking *c, long long *out, weir_error *error) {
    char sql[220];
    (void)snprintf(sql, sizeof sql, "SELECT coalesce(max(block), -1) FROM %s", c->hold.table);
    return weir_pg_check_number(c->two, sql, out, error);
}

/* ---- rows and position come together ---- */

static int check_together(weir_pg_checking *c, weir_pg_hold *one, weir_error *error) {
    static const weir_pg_point point = {
        "together", "rows and position are committed together, or neither is", true, false, ""};
    weir_error failed = {0};
    long long before = 0, rows[2] = {0}, block[2] = {0};
    const weir_position first = trial_place(c, 1);
    int status = weir_pg_check_count(c, c->two, &before, &failed);
    if (status == WEIR_OK) status = weir_pg_take_over(c->one, one, &failed);
    if (status == WEIR_OK) status = transact(c, c->one, one, 1, &failed);
    if (status == WEIR_OK) status = commit_trial(c->one, one, &first, &failed);
    if (status == WEIR_OK) status = weir_pg_check_count(c, c->two, &rows[0], &failed);
    if (status == WEIR_OK) status = stored_block(c, &block[0], &failed);
    if (status == WEIR_OK) status = transact(c, c->one, one, 2, &failed);
    if (status == WEIR_OK) status = weir_pg_run(c->one, "ROLLBACK", &failed);
    if (status == WEIR_OK) status = weir_pg_check_count(c, c->two, &rows[1], &failed);
    if (status == WEIR_OK) status = stored_block(c, &block[1], &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    bool holds = rows[0] == before + FEW && rows[1] == rows[0] && block[0] == 1 && block[1] == 1;
    weir_pg_point_is(c, point, holds,
                     "after COMMIT %lld rows of %d and block %lld; after ROLLBACK %lld more, and "
                     "block %lld",
                     rows[0] - before, (int)FEW, block[0], rows[1] - rows[0], block[1]);
    return WEIR_OK;
}

/* ---- the lock of the row, and what stands in it ---- */

static int check_row_lock(weir_pg_checking *c, weir_pg_hold *one, weir_error *error) {
    static const weir_pg_point point = {
        "row_lock", "who has the position's row keeps others from it, for a limited time", true,
        false, ""};
    weir_error failed = {0}, kept = {0};
    weir_pg_hold two = *one;
    two.lock_wait_ms = LOCK_MS;
    int status = weir_pg_hold_begin(c->one, one, &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    int second = weir_pg_hold_begin(c->two, &two, &kept);
    bool waited = second == WEIR_BUSY && !strcmp(weir_pg_failed(c->two)->sqlstate, "55P03");
    if (!weir_pg_is_open(c->two)) return weir_pg_point_failed(c, point, &kept, error);
    (void)weir_pg_run(c->two, "ROLLBACK", NULL); /* what it holds is asked next */
    status = weir_pg_run(c->one, "ROLLBACK", &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    weir_pg_point_is(c, point, waited, "%s",
                     waited              ? "the second waited, and lock_timeout ended that"
                     : second == WEIR_OK ? "the second had the row too"
                                         : kept.text);
    return WEIR_OK;
}

static int check_compare(weir_pg_checking *c, weir_pg_hold *one, weir_error *error) {
    static const weir_pg_point point = {"compare_and_set",
                                        "a position that has moved is not moved from where it was",
                                        true, false, ""};
    weir_error failed = {0}, late = {0};
    weir_pg_hold two = *one; /* has read the same */
    const weir_position to = trial_place(c, 2);
    int status = transact(c, c->one, one, 2, &failed);
    if (status == WEIR_OK) status = commit_trial(c->one, one, &to, &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    int second = weir_pg_hold_begin(c->two, &two, &late);
    bool noticed = second == WEIR_BUSY && two.epoch == 0;
    if (!weir_pg_is_open(c->two)) return weir_pg_point_failed(c, point, &late, error);
    (void)weir_pg_run(c->two, "ROLLBACK", NULL);
    weir_pg_point_is(c, point, noticed, "%s",
                     noticed             ? "the second connection found it changed"
                     : second == WEIR_OK ? "the second connection did not notice"
                                         : late.text);
    return WEIR_OK;
}

/* Whoever takes over raises the epoch: then the former one moves nothing any more. */
static int check_epoch(weir_pg_checking *c, weir_pg_hold *one, weir_pg_hold *two,
                       weir_error *error) {
    static const weir_pg_point point = {
        "takeover", "who was taken over from can move the position no more", true, false, ""};
    weir_error failed = {0}, first = {0};
    const weir_position to = trial_place(c, 3);
    weir_pg_hold stale = *one;
    int status = weir_pg_take_over(c->two, two, &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    int begun = weir_pg_hold_begin(c->one, one, &first);
    if (!weir_pg_is_open(c->one)) return weir_pg_point_failed(c, point, &first, error);
    (void)weir_pg_run(c->one, "ROLLBACK", NULL);
    status = weir_pg_run(c->one, "BEGIN", &failed);
    int moved = status == WEIR_OK ? weir_pg_hold_move(c->one, &stale, &to, NULL, &first) : status;
    if (status == WEIR_OK) status = weir_pg_run(c->one, "ROLLBACK", &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    bool holds = begun == WEIR_BUSY && one->epoch == 0 && moved == WEIR_BUSY;
    weir_pg_point_is(c, point, holds, "epoch %lld after %lld: the former one %s",
                     (long long)two->epoch, (long long)stale.epoch,
                     holds ? "was refused" : "was not refused");
    return WEIR_OK;
}

/* ---- a session that nobody listens to any more ---- */

/* Until it has the position, or the tries are over. */
static bool takes_over(weir_pg_checking *c, weir_pg_hold *hold, weir_error *last) {
    for (int i = 0; i < TRIES && weir_pg_is_open(c->two); i++) {
        if (weir_pg_take_over(c->two, hold, last) == WEIR_OK) return true;
        pause_trial();
    }
    return false;
}

/* Rows are sent and the position is moved, but not committed, when the second takes over. */
static int check_zombie(weir_pg_checking *c, weir_pg_hold *one, weir_pg_hold *two,
                        weir_error *error) {
    static const weir_pg_point
        point = {"zombie", "of a session in a transaction nothing comes after a takeover", true,
                 false, ""},
        ending = {"terminate", "the role may end its own other sessions", false, false, ""};
    weir_error failed = {0}, busy = {0}, late = {0};
    long long before = 0, after = 0, block = 0;
    one->lock_wait_ms = two->lock_wait_ms = LOCK_MS;
    int status = weir_pg_check_count(c, c->two, &before, &failed);
    if (status == WEIR_OK) status = weir_pg_take_over(c->one, one, &failed);
    if (status == WEIR_OK) status = transact(c, c->one, one, 4, &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    bool ended = takes_over(c, two, &busy);
    int committed = ended ? weir_pg_commit(c->one, &late) : WEIR_BUSY;
    if (!ended) (void)weir_pg_run(c->one, "ROLLBACK", NULL); /* as its connection would end it */
    bool taken = ended || takes_over(c, two, &busy);
    status = weir_pg_check_count(c, c->two, &after, &failed);
    if (status == WEIR_OK) status = stored_block(c, &block, &failed);
    if (status != WEIR_OK) {
        if (error) *error = failed;
        return status < 0 ? status : WEIR_IO;
    }
    bool holds = taken && committed != WEIR_OK && after == before && block < 4;
    weir_pg_point_is(c, point, holds, "%lld of its rows came; its COMMIT %s; %s", after - before,
                     !ended                 ? "was not tried"
                     : committed == WEIR_OK ? "succeeded"
                                            : "failed",
                     taken ? "the second has the position" : busy.text);
    weir_pg_point_is(c, ending, ended, "%s",
                     ended ? "it was ended at once"
                           : "weir waits until the connection of such a session ends by itself");
    return WEIR_OK;
}

int weir_pg_check_takeover(weir_pg_checking *c, weir_error *error) {
    weir_pg_hold one = c->hold, two = c->hold;
    int status = check_together(c, &one, error);
    if (status != WEIR_OK || !one.epoch)
        return status; /* without a position nothing can be tried */
    status = check_row_lock(c, &one, error);
    if (status == WEIR_OK) status = check_compare(c, &one, error);
    if (status == WEIR_OK) status = check_epoch(c, &one, &two, error);
    return status == WEIR_OK ? check_zombie(c, &one, &two, error) : status;
}
