/* relation_read.h - the catalog's words on one table, judged. Private to postgres/relation.c. */
#ifndef WEIR_PG_RELATION_READ_H
#define WEIR_PG_RELATION_READ_H

#include "relation.h"

/* Fill all of it but place, print and exists. What is filled is the caller's to free, also on
 * failure. */
int weir_pg_relation_read(weir_pg *pg, const weir_pg_wanted *w, const weir_declaration *d,
                          const char *oid, weir_pg_relation *out, weir_error *error);

#endif
