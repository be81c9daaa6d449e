/* utf8.h - characters of UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef WEIR_UTF8_H
#define WEIR_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that begins at at, of which left bytes are there, at least one; 0 when none
 * begins there. */
size_t weir_utf8_size(const uint8_t *at, size_t left);
/* How many of the first limit bytes to keep so that no character is split: limit, or up to three
 * less. Three bytes after limit may be read. */
size_t weir_utf8_cut(const char *text, size_t limit);
/* Write the character; returns its bytes. What is no Unicode character becomes U+FFFD. */
size_t weir_utf8_encode(char at[4], uint32_t character);

#endif
