/* http.h - one signed request to an S3-compatible server, tried again while its failure may pass.
 *
 * Requests are signed by libcurl (AWS Signature Version 4); bodies have their SHA-256 in the signature,
 * so a server that checks signatures refuses one that was damaged on its way. Buckets are addressed by
 * path. Redirections are not followed: a signature is for one host. */
#ifndef WEIR_S3_HTTP_H
#define WEIR_S3_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>

#include "../recovery/archive/store_part.h"
#include "credentials.h"
#include "text.h"

enum { WEIR_S3_BODY_MAX = 16 << 20 };

struct weir_store {
    CURL *curl;
    char *base;           /* endpoint/bucket */
    char *prefix;         /* "" or one that ends in '/' */
    char signing[128];    /* for CURLOPT_AWS_SIGV4 */
    const char *said_url; /* for messages; belongs to the caller of open */
    weir_s3_credentials credentials;
    uint32_t timeout_s;
};

typedef struct weir_s3_answer {
    long status; /* of HTTP */
    char *body;  /* with a NUL; of requests without a file */
    size_t length, capacity;
    char sha256[WEIR_S3_SHA256];     /* as put; "" when the server does not tell */
    char got_sha256[WEIR_S3_SHA256]; /* of the body that went to a file */
    uint64_t bytes;                  /* Content-Length */
    bool has_bytes;
} weir_s3_answer;

typedef struct weir_s3_request {
    const char *method;   /* GET, HEAD, PUT */
    const char *name;     /* of the object, relative; NULL: of the bucket */
    const char *query;    /* encoded, its parameters in the order of their names; NULL: none */
    const uint8_t *bytes; /* PUT */
    size_t length;
    int file; /* GET into it, from offset on; negative: into the answer */
    uint64_t offset;
} weir_s3_request;

/* WEIR_OK when the server has answered with a status below 500 that is final, whatever it says; or why
 * there was no such answer. The answer is to be freed in either case. */
int weir_s3_ask(weir_store *store, const weir_s3_request *request, weir_s3_answer *answer,
                weir_error *error);
void weir_s3_answer_free(weir_s3_answer *answer);

bool weir_s3_sha256(const void *bytes, size_t length, char out[WEIR_S3_SHA256]);

#endif
