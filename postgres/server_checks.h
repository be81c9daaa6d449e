/* server_checks.h - what must hold of a server, or its promise of a commit is worth less than the
 * journal's. */
#ifndef WEIR_PG_SERVER_CHECKS_H
#define WEIR_PG_SERVER_CHECKS_H

#include "connection.h"

enum { WEIR_PG_OLDEST = 130000 };

/* For each connection, before anything is written, and to know why hold->sound (takeover.h) is false.
 * WEIR_DATABASE with what to do about it: a version before 13, fsync or full_page_writes off, another
 * encoding than UTF8. WEIR_BUSY: a standby, which may be promoted. */
int weir_pg_check_server(weir_pg *pg, weir_error *error);
/* The table of positions survives a crash: it is neither unlogged nor temporary. table: with its schema,
 * quoted. */
int weir_pg_check_position_table(weir_pg *pg, const char *table, weir_error *error);

#endif
