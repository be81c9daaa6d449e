/* shell_word.c - quoting for a POSIX shell. */
#include "shell_word.h"

#include <stdio.h>
#include <string.h>

static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                               "_-./+:,@%=";

typedef struct putting {
    char *text;
    size_t length, most;
} putting;

static void put_shell_piece(putting *p, const char *piece, size_t bytes) {
    if (p->length <= p->most && bytes <= p->most - p->length)
        memcpy(p->text + p->length, piece, bytes);
    else
        bytes = p->most + 1 - p->length; /* one more than there is room for */
    p->length += p->length <= p->most ? bytes : 0;
}

/* A quote ends the quotes, stands there escaped, and begins them again. */
static void put_shell_quoted(putting *p, const char *path) {
    put_shell_piece(p, "'", 1);
    for (const char *at = path; *at && p->length <= p->most; at++)
        put_shell_piece(p, *at == '\'' ? "'\\''" : at, *at == '\'' ? 4 : 1);
    put_shell_piece(p, "'", 1);
}

weir_shell_word weir_shell_quote(const char *path, size_t most) {
    weir_shell_word word;
    if (most >= sizeof word.text) most = sizeof word.text - 1;
    putting p = {word.text, 0, most};
    bool plain = *path && path[strspn(path, harmless)] == 0;
    if (path[0] == '-') put_shell_piece(&p, "./", 2);
    if (plain)
        put_shell_piece(&p, path, strlen(path));
    else
        put_shell_quoted(&p, path);
    if (p.length > most)
        (void)snprintf(word.text, sizeof word.text, "PATH");
    else
        word.text[p.length] = 0;
    return word;
}
