/* credentials.h - the keys of an S3 server, from where other programs have them. */
#ifndef WEIR_S3_CREDENTIALS_H
#define WEIR_S3_CREDENTIALS_H

#include <stdio.h>

#include "../lib/base/status.h"

typedef struct weir_s3_credentials {
    char key[256], secret[256], token[4096]; /* token: "" for none */
} weir_s3_credentials;

/* From the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), or else the
 * profile AWS_PROFILE (default) of AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials). WEIR_MISUSE. */
int weir_s3_find_credentials(weir_s3_credentials *out, weir_error *error);

/* "name = value" lines below "[profile]" of a file that is open. What is missing there, or too long,
 * stays as it is. */
void weir_s3_read_profile(FILE *file, const char *profile, weir_s3_credentials *out);

#endif
