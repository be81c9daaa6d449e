/* stranger.c - another connection to the database, as a program's own or one of its tools: it
 * writes a table of its own, checkpoints without a sync, holds snapshots and locks. It is of the
 * same process, so it dies with it. What it commits it syncs: SQLite itself promises nothing for a
 * file whose unsynced commits are checkpointed without a sync. */
#include <sqlite3.h>

#include "runs.h"

static sqlite3 *connection(sim_life *life) {
    if (life->stranger) return life->stranger;
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(SIM_DATABASE, &db, SQLITE_OPEN_READWRITE, NULL);
    life->stranger = db; /* one that could not be opened is closed like any other */
    return code == SQLITE_OK ? db : NULL;
}

/* What it may not do now, it leaves. */
static bool run(sqlite3 *db, const char *sql) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static void note(sim_life *life, sim_kind kind) { life->facts |= (uint64_t)1 << kind; }

static void write_row(sim_life *life, sqlite3 *db) {
    if (run(db, "PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS strange(x); "
                "INSERT INTO strange VALUES(randomblob(900))"))
        note(life, SIM_STRANGER_WRITES_KIND);
}

static void checkpoint(sim_life *life, sqlite3 *db) {
    static const int modes[] = {SQLITE_CHECKPOINT_PASSIVE, SQLITE_CHECKPOINT_FULL,
                                SQLITE_CHECKPOINT_RESTART, SQLITE_CHECKPOINT_TRUNCATE};
    (void)run(db, "PRAGMA synchronous=OFF"); /* cannot fail */
    int mode = modes[weir_rng_below(life->dice, 4)], frames = 0, copied = 0;
    (void)sqlite3_wal_checkpoint_v2(db, NULL, mode, &frames, &copied); /* BUSY in part is likely */
    if (copied > 0) note(life, SIM_STRANGER_CHECKPOINTS_KIND);
}

void sim_stranger_release(sim_life *life) {
    sqlite3 *db = life->stranger;
    if (db && !sqlite3_get_autocommit(db)) (void)run(db, "ROLLBACK"); /* nothing hangs on it */
}

void sim_stranger_act(sim_life *life) {
    sqlite3 *db = connection(life);
    if (!db) return;
    sim_stranger_release(life);
    switch (weir_rng_below(life->dice, 7)) {
    case 0: write_row(life, db); break;
    case 1:
    case 2: checkpoint(life, db); break;
    case 3:
        write_row(life, db);
        checkpoint(life, db);
        break;
    case 4:
    case 5: /* behind one of these a checkpoint finds something to copy */
        if (run(db, "BEGIN; SELECT count(*) FROM sqlite_schema"))
            note(life, SIM_STRANGER_READS_KIND);
        break;
    default:
        if (run(db, "BEGIN IMMEDIATE")) note(life, SIM_STRANGER_LOCKS_KIND);
        break;
    }
}

void sim_stranger_leave(sim_life *life) {
    (void)sqlite3_close(life->stranger); /* fails only while statements are left, and none are */
    life->stranger = NULL;
}
