/* crash.h - the crash handler. Private to this folder. */
#ifndef WEIR_HANDLE_CRASH_H
#define WEIR_HANDLE_CRASH_H

#include "core.h"

/* The handle closes: if crashes are logged in it, they are no more. */
void weir_crash_forget(const weir *w);

#endif
