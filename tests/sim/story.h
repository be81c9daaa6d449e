/* story.h - what the parts of the simulation tell: how far they came, and what is broken. */
#ifndef WEIR_SIM_STORY_H
#define WEIR_SIM_STORY_H

#include "harm.h"
#include "life.h"

/* Say what is wrong, how it came about and how to see it again; end the program. */
__attribute__((format(printf, 1, 2), noreturn)) void sim_broken(const char *format, ...);
void sim_must(const sim_life *life, int status, const char *what);

extern uint64_t sim_states;
extern uint64_t sim_verdicts[WEIR_VERDICT_COUNT], sim_harms[SIM_HARM_COUNT];

/* Live for a while on this life's machine, then harm what is left in every way; see harm.h. */
void sim_injured_run(sim_life *life);

/* Its parts. The disk as a copy of it would be, made while the process stood still. */
sim_disk *sim_injured_copy(const sim_life *life);
/* What is left when another life goes on from that disk, or from an empty one; it takes the
 * disk. */
sim_disk *sim_injured_elsewhere(sim_life *life, sim_disk *from);
/* Harm a clone of disk, whose rows are those of life's model, open it, and judge what is said. */
void sim_injured_open(sim_life *life, const sim_disk *disk, sim_injury *injury);
/* NULL, or who looks further at a disk that opening has refused. */
extern void (*sim_injured_refused)(sim_life *victim, const sim_injury *injury);

#endif
