/* peek.h - read memory that may not be there. */
#ifndef WEIR_PEEK_H
#define WEIR_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copy bytes from an address of this process; false when not all of them can be read. The kernel is
 * asked before each page, so no fault is raised, unless the page is unmapped just then.
 * Async-signal-safe; leaves errno as it was. */
bool weir_peek(uint64_t address, void *into, size_t bytes);

#endif
