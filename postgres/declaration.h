/* declaration.h - what a declaration cannot be for a PostgreSQL server, whatever it has. */
#ifndef WEIR_PG_DECLARATION_H
#define WEIR_PG_DECLARATION_H

#include "../lib/format/row.h"

enum { WEIR_PG_NAME_MAX = 63, WEIR_PG_COLUMNS_MAX = 1600 };

/* WEIR_SCHEMA with words: a name that is too long, no UTF-8 or the server's or weir's own, or too many
 * columns. */
int weir_pg_declaration_fits(const weir_declaration *d, weir_error *error);

#endif
