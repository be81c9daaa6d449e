/* xml.h - the answers of an S3 server that are XML: lists and errors, by expat. */
#ifndef WEIR_S3_XML_H
#define WEIR_S3_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "../recovery/archive/store_part.h"

typedef struct weir_s3_page {
    bool truncated;
    char next[2048]; /* continuation token */
} weir_s3_page;

/* Of one page of ListObjectsV2: each object whose key begins with prefix, by what comes after it.
 * WEIR_DAMAGED when it is no such list; an answer of each other than WEIR_OK. */
int weir_s3_read_list(const char *body, size_t length, const char *prefix, weir_store_each *each,
                      void *context, weir_s3_page *page);

/* "Code: Message" of an error's body, or "" */
void weir_s3_read_error(const char *body, size_t length, char *text, size_t bytes);

#endif
