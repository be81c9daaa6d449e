/* demo.h - the demo with a PostgreSQL server beside the SQLite file. */
#ifndef WEIR_DEMO_POSTGRES_H
#define WEIR_DEMO_POSTGRES_H

#include <stdint.h>

enum { NO_SERVER = 77 }; /* exit status: there was none to run, and that was said */

/* One journal into an SQLite file in directory and into a server that is made and removed, while the
 * program is killed so many times and the server stopped. 0; 1: failed, after a message; NO_SERVER. */
int demo_postgres(uint64_t seed, int kills, const char *directory);

#endif
