/* vfs.h - SQLite's files on the simulated disk: every read, write and sync of SQLite is a call of
 * the simulated machine, with its faults and crash points.
 *
 * Locks and the -shm memory live as long as a process has the file open: a machine runs one
 * process, and the first to open a database after a crash finds an empty index, as on Linux. */
#ifndef WEIR_SIM_VFS_H
#define WEIR_SIM_VFS_H

#include "base.h"

/* Register it as SQLite's default, once. */
void sim_vfs_register(void);
/* The database is an SQLite file, with the sink of production. */
const sim_base *sim_base_sqlite(void);

#endif
