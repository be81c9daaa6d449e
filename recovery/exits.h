/* exits.h - the exit codes of the tool, as the man page and --help give them. */
#ifndef WEIR_EXITS_H
#define WEIR_EXITS_H

enum {
    WEIR_EXIT_CLEAN = 0,     /* all is in order, or there is only a torn tail */
    WEIR_EXIT_RECOVERED = 1, /* rows were recovered */
    WEIR_EXIT_DAMAGE = 4,    /* damage is left, or rows are lost */
    WEIR_EXIT_FAILED = 8,    /* could not run */
    WEIR_EXIT_USAGE = 16,
};

#endif
