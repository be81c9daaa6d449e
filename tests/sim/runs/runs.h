/* runs.h - the runs of test_sim: lives that are told by a number, and what is counted of them. */
#ifndef WEIR_SIM_RUNS_H
#define WEIR_SIM_RUNS_H

#include "../story.h"

/* name, text. Those from CALM on trouble a whole life; of these a state counts only if the trouble
 * has struck it, or the life before its crash. */
#define SIM_KINDS(X)                                                                               \
    X(PROCESS_DEATH, "process death")                                                              \
    X(DEATH_EVICTED, "process death, pages of a failed sync evicted")                              \
    X(POWER_EVERY_FATE, "power cut, every combination of all fates")                               \
    X(POWER_EVERY_CHOICE, "power cut, every combination of kept and lost")                         \
    X(POWER_ONE_OR_TWO, "power cut, all kept or all lost, but for one or two")                     \
    X(POWER_TORN, "power cut, one write torn, the others kept or lost")                            \
    X(POWER_GARBAGE, "power cut, one write garbage, the others kept or lost")                      \
    X(POWER_RANDOM, "power cut, all fates mixed by chance")                                        \
    X(IN_FIRST_OPENING, "crash in the first opening of all")                                       \
    X(IN_RECOVERY, "crash in the recovery from a crash")                                           \
    X(IN_SECOND_RECOVERY, "crash in the recovery from that")                                       \
    X(PAGE_CACHE_TRAP, "sync failed, process died, opened again, power cut")                       \
    X(RECOVERY_FAULT, "a call of the recovery failed")                                             \
    X(RECOVERY_FULL, "recovery on a full disk, then with room again")                              \
    X(CLOSED, "closed and opened again")                                                           \
    X(WENT_ON, "the trouble passed and the process went on")                                       \
    X(ARCHIVED, "crash of a life that archives; rebuilt from the archive as well")                 \
    X(FACE, "crash of a life behind weir_open_sqlite")                                             \
    X(STRANGER_WRITES, "crash beside a connection that writes its own table")                      \
    X(STRANGER_CHECKPOINTS, "crash beside a connection that checkpoints without a sync")           \
    X(STRANGER_READS, "crash beside a connection that holds a snapshot")                           \
    X(STRANGER_LOCKS, "crash beside a connection that had the database locked")                    \
    X(SERVER, "crash of a life whose database is a server on another machine")                     \
    X(SERVER_UNDONE, "a commit without an answer was not done")                                    \
    X(SERVER_DONE, "a commit without an answer was done")                                          \
    X(SERVER_REFUSED, "a commit of a former connection came late, and was refused")                \
    X(SERVER_BACK, "a standby took over that lacked commits")                                      \
    X(SERVER_ON, "a server came back that had more than the standby")                              \
    X(SECOND, "crash of a life with a second sink, a server")                                      \
    X(SECOND_LEFT, "crash while the second sink was detached, or not attached")                    \
    X(FROM_ARCHIVE, "a second sink came back for rows that were in the archive alone")             \
    X(REFUSED, "opening refused, every other file untouched")                                      \
    X(READ_AROUND, "rot read around: exactly the named rows are missing")                          \
    X(CALM, "crash of a life without faults")                                                      \
    X(SYNC_ONCE, "a sync failed once, its pages are lost")                                         \
    X(SYNC_EVER, "all syncs fail from some moment on, their pages are lost")                       \
    X(READ_FAILED, "a read failed once")                                                           \
    X(READ_FAILED_EVER, "all reads fail from some moment on")                                      \
    X(WRITE_FAILED, "a write failed once")                                                         \
    X(WRITE_FAILED_EVER, "all writes fail from some moment on")                                    \
    X(NAME_FAILED, "opening, renaming, removing, allocating failed once")                          \
    X(NAME_FAILED_EVER, "one of these fails from some moment on")                                  \
    X(NO_SPACE, "one call found no room")                                                          \
    X(DISK_FULL, "the disk was full for a while")                                                  \
    X(SHORT_READ, "a read ended early, as when a signal interrupts it")                            \
    X(SHORT_WRITE, "a write ended early, as when a signal interrupts it")                          \
    X(SHORT_TRANSFERS, "one in seven transfers ended early")                                       \
    X(CLOCK_BACK, "the clock on the wall went back a day")                                         \
    X(CLOCK_AHEAD, "an hour passed at once")

typedef enum sim_kind {
#define SIM_KIND_ENUM(name, text) SIM_##name##_KIND,
    SIM_KINDS(SIM_KIND_ENUM)
#undef SIM_KIND_ENUM
        SIM_KIND_COUNT
} sim_kind;

extern uint64_t sim_run; /* the number of the run that is under way */
void sim_visit(sim_kind kind);

/* How many of the crash points of short runs have been treated how; see crash.c. */
typedef struct sim_points {
    uint64_t every_fate, every_choice, one_or_two, most_units, repeated;
} sim_points;
extern sim_points sim_point_count;

/* ---- crash.c ---- */

/* Begin a run: the first life, on an empty disk. */
void sim_run_begin(sim_life *life, const sim_base *base, uint64_t seed);
/* For life->machine.crash_point: this is one; how it crashes here depends on the run's nature. */
void sim_crash_point(void *context);
/* Every way in which this life may end here; of what is unsynced, every fate or as crash.c says. */
void sim_crash_every_way(sim_life *life);
/* A few of them, after a fault: death, and a cut with all unsynced lost, kept, mixed. */
void sim_crash_after_fault(sim_life *life);
/* Open what is there and compare with the model: nothing from level least on may be missing. */
void sim_recover(sim_life *life, int least);
/* Steps by chance. */
void sim_live(sim_life *life, unsigned steps);

/* ---- the runs ---- */

/* Workloads of up to three operations. */
size_t sim_word_count(void);
void sim_word_text(size_t word, char text[40]);
void sim_word_run(sim_life *life, size_t word, const sim_base *base);
void sim_word_troubles(sim_life *life, size_t word, const sim_base *base);

void sim_long_run(sim_life *life, uint64_t seed);
void sim_thorough_run(sim_life *life, uint64_t seed);
void sim_archive_run(sim_life *life, uint64_t seed);
void sim_public_api_run(sim_life *life, uint64_t seed);
void sim_stranger_run(sim_life *life, uint64_t seed);
void sim_server_run(sim_life *life, uint64_t seed);
void sim_second_run(sim_life *life, uint64_t seed);

/* ---- beside them ---- */

/* A database of their own, from journal and archive alone: NULL, or how it differs from the
 * model. */
const char *sim_rebuild_check(sim_life *life);
/* Of a disk that opening has refused: see around.c. */
void sim_read_around(sim_life *victim, const sim_injury *injury);
void sim_stranger_act(sim_life *life);
void sim_stranger_release(sim_life *life); /* it holds no lock and no snapshot any more */
void sim_stranger_leave(sim_life *life);
const sim_base *sim_base_public_api(void);

/* ---- tally.c ---- */

void sim_report(double seconds);
/* How many kinds, harms and verdicts were never visited; each is named on stderr. */
unsigned sim_unvisited(bool say);

#endif
