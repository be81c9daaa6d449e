/* store_part.h - what a part that is loaded at run time gives: an object store, as a table of functions.
 *
 * The tool links no HTTP library. weir_s3.so does (folder s3/), and the tool loads it when a verb
 * needs a store. Both sides compare the version first.
 *
 * Objects are never overwritten and never deleted. Names are relative to the URL that was opened, and
 * consist of letters, digits, '-', '_', '.' and '/'. Calls answer a weir_status and fill error; one
 * thread. They try again what may pass (no answer, a server's error 5xx) for half a minute or so. */
#ifndef WEIR_STORE_PART_H
#define WEIR_STORE_PART_H

#include <stddef.h>
#include <stdint.h>

#include "../../lib/base/status.h"

enum { WEIR_STORE_PART_VERSION = 1 };
#define WEIR_STORE_PART_SYMBOL "weir_store_of_s3"

typedef struct weir_store weir_store;

typedef struct weir_store_place {
    const char *url;      /* s3://bucket/prefix */
    const char *endpoint; /* NULL: as the environment says, or that of AWS */
    const char *region;   /* likewise */
    uint32_t timeout_s;   /* to connect, and without a byte */
} weir_store_place;

typedef int weir_store_each(void *context, const char *name, uint64_t bytes);

typedef struct weir_store_part {
    uint32_t version; /* = WEIR_STORE_PART_VERSION */
    /* Reads the credentials; asks nothing of the server yet. WEIR_MISUSE, WEIR_NO_MEMORY. */
    int (*open)(const weir_store_place *place, weir_store **out, weir_error *error);
    void (*close)(weir_store *store);
    /* All names below a folder ("" or one that ends in '/'), in any order. An answer of each other than
     * WEIR_OK ends it and is returned. */
    int (*list)(weir_store *store, const char *below, weir_store_each *each, void *context,
                weir_error *error);
    /* WEIR_OK: it is there, with these bytes, whether they were there before or not. WEIR_FOREIGN: it
     * was there with other bytes, and was left as it is. */
    int (*put)(weir_store *store, const char *name, const uint8_t *bytes, size_t length,
               weir_error *error);
    /* Is it there with these bytes? WEIR_OK, WEIR_FOREIGN, WEIR_NOT_FOUND. */
    int (*compare)(weir_store *store, const char *name, const uint8_t *bytes, size_t length,
                   weir_error *error);
    /* Write it into an open file from offset on. WEIR_DAMAGED: it is written, but its bytes are not
     * those that were put. WEIR_NOT_FOUND. */
    int (*get)(weir_store *store, const char *name, int file, uint64_t offset, weir_error *error);
} weir_store_part;

#endif
