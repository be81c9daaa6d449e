/* pair.h - what the SQLite file has, against what the server has. */
#ifndef WEIR_DEMO_PAIR_H
#define WEIR_DEMO_PAIR_H

#include <libpq-fe.h>

typedef struct pair {
    int sqlite, server; /* rows of both tables */
    int different;      /* rows that one has otherwise than the other, or alone */
    int rejected;       /* rows in the server's weir_reject */
} pair;

/* 0, or 1 after a message on stderr. */
int compare_pair(const char *path, PGconn *server, pair *out);

#endif
