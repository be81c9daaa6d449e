/* check.h - status --check: one line for a monitor, and an exit code that names what is wrong. */
#ifndef WEIR_CHECK_H
#define WEIR_CHECK_H

#include "arguments.h"
#include "view.h"

/* Print the line, or with --json an object. Returns the exit code of the gravest that was found:
 * exits.h. */
int weir_check_view(const weir_arguments *arguments, const weir_place *place,
                    const weir_view *view);

#endif
