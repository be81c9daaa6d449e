/* conversion.h - the pieces of a format as printf has them: literal text and conversions.
 *
 * The grammar is that of C17, 7.21.6.1, with POSIX's %C, %S and glibc's %m, but without %n,
 * positional arguments (%1$d) and the flags ' and I, which depend on a locale. A format comes from
 * a program's source or from a journal's bytes; either is read here and never given to printf. */
#ifndef WEIR_CONVERSION_H
#define WEIR_CONVERSION_H

#include <stdbool.h>
#include <stddef.h>

enum {
    WEIR_FORMAT_MAX = 4096, /* bytes of a format */
    WEIR_FIELD_MAX = 16384, /* a greater width or precision counts as this one */
    WEIR_FIELD_NONE = -1,
    WEIR_FIELD_ARGUMENT = -2, /* an argument says it: '*' */
};

typedef enum weir_conversion_kind {
    WEIR_CONVERT_LITERAL,   /* text as it is */
    WEIR_CONVERT_SIGNED,    /* d i */
    WEIR_CONVERT_UNSIGNED,  /* o u x X */
    WEIR_CONVERT_REAL,      /* e E f F g G a A */
    WEIR_CONVERT_CHARACTER, /* c */
    WEIR_CONVERT_TEXT,      /* s */
    WEIR_CONVERT_POINTER,   /* p */
    WEIR_CONVERT_ERROR,     /* m: takes no argument of the call, but a value of the row */
} weir_conversion_kind;

/* The type of the call's argument. A row's values have none of these. */
typedef enum weir_conversion_length {
    WEIR_LENGTH_NONE,
    WEIR_LENGTH_CHAR,        /* hh */
    WEIR_LENGTH_SHORT,       /* h */
    WEIR_LENGTH_LONG,        /* l; with c and s: wide characters */
    WEIR_LENGTH_LONG_LONG,   /* ll, q */
    WEIR_LENGTH_INTMAX,      /* j */
    WEIR_LENGTH_SIZE,        /* z */
    WEIR_LENGTH_PTRDIFF,     /* t */
    WEIR_LENGTH_LONG_DOUBLE, /* L */
} weir_conversion_length;

typedef struct weir_conversion {
    const char *text; /* the piece as it stands in the format; of "%%" one percent sign */
    size_t bytes;
    int width, precision; /* 0 … WEIR_FIELD_MAX, or one of WEIR_FIELD_ */
    weir_conversion_kind kind : 8;
    weir_conversion_length length : 8;
    char letter; /* s for S, c for C */
    bool minus, plus, space, hash, zero;
} weir_conversion;

/* The piece that begins at *at, which moves past it: 1. 0 at the end, -1 where the format has
 * something that is not known here. */
int weir_conversion_next(const char **at, const char *end, weir_conversion *out);

/* How many values a whole format takes, stars included; -1 when it is not known here. *pieces:
 * how many pieces it has, unless NULL. */
int weir_format_values(const char *format, size_t bytes, size_t *pieces);

#endif
