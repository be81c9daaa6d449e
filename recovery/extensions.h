/* extensions.h - SQLite extensions that the tool loads into its connections (--load). */
#ifndef WEIR_EXTENSIONS_H
#define WEIR_EXTENSIONS_H

#include <weir/sqlite.h>

#include "../lib/base/status.h"
#include "arguments.h"

/* Can all be loaded? Asked before anything is touched. */
int weir_extensions_check(const weir_arguments *arguments, weir_error *error);

/* For the connections to the database: arguments must live as long as they do. */
weir_sqlite_options weir_extensions_options(const weir_arguments *arguments);

#endif
