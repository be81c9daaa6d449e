/* disk.h - a disk that a test can look through: for every file what is on the platter, what only
 * the page cache has, and which writes stand between the two.
 *
 * A page is 4096 bytes, a sector 512. The platter changes when a file or a directory is synced,
 * when the test lets writes trickle down, and at a power cut, where each unsynced thing has a fate
 * of its own. A disk can be cloned at any moment, so one run of a workload serves every crash along
 * its way. */
#ifndef WEIR_SIM_DISK_H
#define WEIR_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_PAGE = 4096, SIM_SECTOR = 512, SIM_PATH = 120, SIM_FILES = 48 };

typedef struct sim_disk sim_disk;

/* What becomes of one unsynced thing when the power is cut. */
typedef enum sim_fate {
    SIM_LOST,
    SIM_KEPT,
    SIM_TORN,    /* some of its sectors; of a name or a size: lost */
    SIM_GARBAGE, /* bytes that nobody wrote, in its place; of a name, a size: kept; mapped: torn */
    SIM_FATES,
} sim_fate;

/* Decides for each unsynced thing in turn; random draws numbers below limit. */
typedef struct sim_choice {
    void *self;
    sim_fate (*fate)(void *self, size_t unit);
    uint64_t (*random)(void *self, uint64_t limit);
} sim_choice;

sim_disk *sim_disk_make(void);
/* Files that were mapped are cloned as the mapping left them; nothing is open in the clone. */
sim_disk *sim_disk_clone(const sim_disk *disk);
void sim_disk_free(sim_disk *disk);

/* The unsynced things of a clone, in the order in which sim_disk_cut asks for their fates. */
size_t sim_disk_units(const sim_disk *disk);
/* Of a clone in which nothing is open yet. What is left is on the platter and in the cache
 * alike. */
void sim_disk_cut(sim_disk *disk, const sim_choice *choice);
/* The cache forgets what it has only because a sync failed: from now on the platter is read. */
void sim_disk_evict(sim_disk *disk);
/* One unsynced write, somewhere, reaches the platter by itself. */
void sim_disk_trickle(sim_disk *disk, const sim_choice *choice);

/* ---- names: paths begin with / and stand in a directory that exists; negative errno ---- */

int sim_disk_find(const sim_disk *disk,
                  const char *path); /* a file's number, or -ENOENT, -EISDIR */
bool sim_disk_is_directory(const sim_disk *disk, const char *path);
int sim_disk_create(sim_disk *disk, const char *path); /* a file's number */
int sim_disk_make_directory(sim_disk *disk, const char *path);
int sim_disk_rename(sim_disk *disk, const char *from, const char *to);
int sim_disk_unlink(sim_disk *disk, const char *path);
int sim_disk_sync_directory(sim_disk *disk, const char *path);
/* Calls each for every name directly in path; a name may be changed only after the walk. */
int sim_disk_list(const sim_disk *disk, const char *path,
                  int (*each)(void *context, const char *name), void *context);

/* ---- files by number ---- */

void sim_disk_hold(sim_disk *disk, int file, int by); /* + 1 when opened, - 1 when closed */
uint64_t sim_disk_size(const sim_disk *disk, int file);
uint64_t sim_disk_bytes(const sim_disk *disk); /* of all files */
size_t sim_disk_read(const sim_disk *disk, int file, void *into, size_t bytes, uint64_t offset);
void sim_disk_write(sim_disk *disk, int file, const void *from, size_t bytes, uint64_t offset);
void sim_disk_resize(sim_disk *disk, int file, uint64_t bytes);
void sim_disk_sync(sim_disk *disk, int file);
/* A sync that fails: what was unsynced never reaches the platter, and the cache still shows it. */
void sim_disk_lose(sim_disk *disk, int file);
/* Map a piece at an address that was reserved: shared with the file, and with every other map. */
int sim_disk_map(sim_disk *disk, int file, void *at, uint64_t offset, size_t bytes, bool writable);

/* Of all names and what stands behind them, as a reader sees them now, but for the names that skip
 * is true of; skip may be NULL. */
uint64_t sim_disk_hash(const sim_disk *disk, bool (*skip)(const char *path));

/* Change bytes on the platter and in the cache alike, as rot does, or a copy that somebody made. */
void sim_disk_rot(sim_disk *disk, int file, const void *from, size_t bytes, uint64_t offset);
/* Put the file of another disk under this path, synced, in place of what stands there. */
void sim_disk_restore(sim_disk *disk, const char *path, const sim_disk *from,
                      const char *from_path);
/* Remove a name, and what stands below it, synced. */
void sim_disk_forget(sim_disk *disk, const char *path);

#endif
