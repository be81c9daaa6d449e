/* dump_filter.h - which rows a dump writes. */
#ifndef WEIR_DUMP_FILTER_H
#define WEIR_DUMP_FILTER_H

#include "arguments.h"
#include "rowtext.h"

/* A level of the logger by its name, whatever the case; -1: it is none. */
int weir_dump_level(const char *name);

/* By --table, --level and --match. A row whose declaration is lost is of no table, and has no level. */
bool weir_dump_wants(const weir_arguments *arguments, const weir_row *row);

#endif
