/* machine.h - one boot of a simulated machine with one process on it: a disk, a clock, an identity,
 * faults that wait for their call, and a hook at every call that changes the disk.
 *
 * The os table is one for all machines and serves the current one. That lets a hook, in the
 * middle of a call, make another machine from a clone of the disk, run a whole life there, and
 * come back: the process that was interrupted never knows. */
#ifndef WEIR_SIM_MACHINE_H
#define WEIR_SIM_MACHINE_H

#include "../../lib/base/os.h"
#include "disk.h"
#include "support.h"

typedef enum sim_call {
    SIM_OPEN,
    SIM_PREAD,
    SIM_PWRITE,
    SIM_DATASYNC,
    SIM_ALLOCATE,
    SIM_TRUNCATE,
    SIM_RENAME,
    SIM_UNLINK,
    SIM_MAKE_DIRECTORY,
    SIM_SYNC_DIRECTORY,
    SIM_CALLS,
} sim_call;

/* From the countdown-th such call on, times calls fail. */
typedef struct sim_fault {
    sim_call call;
    uint32_t countdown, times; /* countdown 0: none */
    int error;                 /* negative errno */
    const char *below;         /* only files whose path begins so; NULL: all */
} sim_fault;

/* What may go wrong at one call that is told by its number. */
typedef enum sim_trouble {
    SIM_NO_TROUBLE,
    SIM_FAILS,       /* EIO; of a sync: and the pages are lost */
    SIM_FAILS_EVER,  /* and all later calls of its kind */
    SIM_SHORT,       /* a transfer ends early, as one does that a signal interrupts */
    SIM_NO_SPACE,    /* this call finds no room */
    SIM_FULL,        /* the disk has no more room from now on, until capacity is set to 0 */
    SIM_CLOCK_BACK,  /* the clock on the wall goes back a day */
    SIM_CLOCK_AHEAD, /* an hour passes at once */
    SIM_TROUBLES,
} sim_trouble;

enum { SIM_DESCRIPTORS = 32, SIM_FAULTS = 3 };

typedef struct sim_machine sim_machine;
struct sim_machine {
    sim_disk *disk;
    weir_rng rng;      /* what the process draws */
    weir_rng chance;   /* what the disk draws */
    uint64_t clock_ns; /* moves a little with every call */
    int64_t wall_ns;   /* what to add to it for the clock on the wall */
    uint8_t boot[16];
    int64_t process;
    uint32_t thread; /* whose turn it is */
    bool dead;       /* every call fails: the remains of a process are being cleared away */
    sim_fault faults[SIM_FAULTS];
    uint32_t short_one_in; /* of so many transfers, one is short; 0: none */
    uint32_t
        trickle_one_in; /* of so many changes, one is followed by a write of the kernel's own */
    uint64_t capacity;  /* bytes; 0: no limit */
    uint64_t failed;    /* calls that answered an error for a fault's sake */
    uint64_t struck;    /* faults of any kind that the process met */
    uint64_t calls;     /* so far */
    uint64_t strike_at; /* the call that meets the trouble; 0: none does */
    sim_trouble trouble;
    uint8_t *log; /* kind of each call, by its number; NULL: nobody wants to know */
    size_t log_limit;
    bool jumped;               /* the clock on the wall, and nobody has looked at it since */
    char place[SIM_PATH + 32]; /* the call that is under way */
    struct sim_node *nodes;    /* the VFS's own */

    /* At every change of the disk, before and after; never while a lock of the process is held. */
    void (*crash_point)(void *context);
    /* Somebody waits: what else there is to do may be done. */
    void (*idle)(void *context);
    void *context;

    struct {
        bool used, faulty;
        int file, flags;
        char path[SIM_PATH];
    } open[SIM_DESCRIPTORS];
};

extern sim_machine *sim_now; /* the machine that the table serves */

const weir_os *sim_os(void);

/* boot: seed of everything random. The disk becomes the machine's. */
void sim_machine_make(sim_machine *m, sim_disk *disk, uint64_t seed);
/* The process is gone and so is the machine, with its disk. */
void sim_machine_free(sim_machine *m);
void sim_machine_arm(sim_machine *m, sim_call call, uint32_t countdown, uint32_t times, int error);
/* May this trouble befall a call of this kind? */
bool sim_machine_may(sim_call call, sim_trouble trouble);
void sim_machine_disarm(sim_machine *m);

#endif
