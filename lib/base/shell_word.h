/* shell_word.h - a path as a word of a command that a person copies into a shell. */
#ifndef WEIR_SHELL_WORD_H
#define WEIR_SHELL_WORD_H

#include <stdbool.h>
#include <stddef.h>

enum { WEIR_SHELL_WORD_BYTES = 1024 };

typedef struct weir_shell_word {
    char text[WEIR_SHELL_WORD_BYTES]; /* lives as long as the expression it was made in */
} weir_shell_word;

/* The path as it is, or in single quotes where a POSIX shell would take it for something else; never
 * for an option. A word that would have more than most bytes is "PATH" instead: half a path would name
 * another file. */
weir_shell_word weir_shell_quote(const char *path, size_t most);

#endif
