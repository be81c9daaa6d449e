/* dump_os.h - the table of functions that recovery/ gets in fuzz_dump instead of the system's. */
#ifndef WEIR_FUZZ_DUMP_OS_H
#define WEIR_FUZZ_DUMP_OS_H

#include "../lib/base/os.h"

const weir_os *fuzz_os(void);

#endif
