/* file.h - one file of the simulated disk: pages of the platter, pages of the cache, unsynced
 * writes. */
#ifndef WEIR_SIM_FILE_H
#define WEIR_SIM_FILE_H

#include "disk.h"

typedef struct sim_page {
    unsigned references; /* pages are shared between cache, platter and clones until written */
    uint64_t hash;       /* of its bytes; 0: not computed since they changed */
    uint8_t bytes[SIM_PAGE];
} sim_page;

typedef struct sim_blob {
    unsigned references;
    uint8_t bytes[];
} sim_blob;

typedef struct sim_write {
    uint64_t offset;
    size_t bytes;
    sim_blob *data; /* NULL: zeros */
    bool mapped;    /* a page that was changed through a map */
} sim_write;

typedef struct sim_file {
    uint64_t size, durable_size;
    size_t pages; /* capacity of both arrays; a NULL page is zeros */
    sim_page **cached, **durable;
    sim_write *writes;
    size_t write_count, write_capacity;
    unsigned holds; /* how often it is open */
    int memory;     /* >= 0: mapped, and the cache is this memory */
    uint8_t *shared;
} sim_file;

sim_file *sim_file_make(void);
sim_file *sim_file_clone(const sim_file *file);
void sim_file_free(sim_file *file);

size_t sim_file_read(const sim_file *file, void *into, size_t bytes, uint64_t offset);
void sim_file_write(sim_file *file, const uint8_t *from, size_t bytes, uint64_t offset);
void sim_file_resize(sim_file *file, uint64_t bytes);
void sim_file_sync(sim_file *file);
void sim_file_lose(sim_file *file);
void sim_file_evict(sim_file *file);
bool sim_file_share(sim_file *file); /* make the cache mappable memory; false: the system refuses */

/* Of size and bytes, as a reader sees them now. */
uint64_t sim_file_hash(const sim_file *file);

/* Both of a clone only: nothing in it is mapped. */
size_t sim_file_units(const sim_file *file);
void sim_file_cut(sim_file *file, const sim_choice *choice, size_t *unit);
bool sim_file_trickle(sim_file *file, const sim_choice *choice); /* false: nothing is unsynced */

#endif
