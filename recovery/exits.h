/* exits.h - the exit codes of the tool, as the man page and --help give them. */
#ifndef WEIR_EXITS_H
#define WEIR_EXITS_H

enum {
    WEIR_EXIT_CLEAN = 0,     /* all is in order, or there is only a torn tail */
    WEIR_EXIT_RECOVERED = 1, /* rows were recovered */
    WEIR_EXIT_DAMAGE = 4,    /* damage is left, or rows are lost */
    WEIR_EXIT_FAILED = 8,    /* could not run */
    WEIR_EXIT_USAGE = 16,
    /* Of status --check alone, which answers 4 and 8 too. Of several the gravest counts, in this
     * order; then damage, then a look that failed. */
    WEIR_EXIT_REJECTS = 20,  /* more rows in weir_reject than --max-rejects */
    WEIR_EXIT_WAITING = 21,  /* more rows wait than --max-waiting */
    WEIR_EXIT_LAG = 22,      /* the oldest row waits for longer than --max-lag */
    WEIR_EXIT_SPACE = 23,    /* less disk is free than the journal needs, or --min-free */
    WEIR_EXIT_DIED = 24,     /* rows wait, and no process has the journal open */
    WEIR_EXIT_DATABASE = 25, /* missing, unreadable, or read-only */
    WEIR_EXIT_SINK = 26,     /* a sink lacks rows, lags beyond its limit, or waits detached */
};

#endif
