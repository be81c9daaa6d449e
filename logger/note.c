/* note.c - what weir-log says on stderr. */
#include "note.h"

#include <stdarg.h>
#include <stdio.h>

void weir_log_note(const char *format, ...) {
    char text[2048];
    va_list list;
    va_start(list, format);
    if (vsnprintf(text, sizeof text, format, list) < 0) text[0] = 0;
    va_end(list);
    (void)fprintf(stderr, "weir-log: %s\n", text); /* nowhere is left to say that it failed */
}
