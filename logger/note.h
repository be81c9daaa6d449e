/* note.h - what weir-log says on stderr. */
#ifndef WEIR_LOGGER_NOTE_H
#define WEIR_LOGGER_NOTE_H

/* One line, in one write. Any thread may call it. */
void weir_log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
