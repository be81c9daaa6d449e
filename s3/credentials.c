/* credentials.c - the keys of an S3 server, from where other programs have them. */
#include "credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static bool take_credential(char *to, size_t bytes, const char *from) {
    if (!from || !from[0] || strlen(from) >= bytes) return false;
    memcpy(to, from, strlen(from) + 1);
    return true;
}

static char *without_blanks(char *text) {
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length && strchr(blanks, text[length - 1]))
        text[--length] = 0;
    return text;
}

void weir_s3_read_profile(FILE *file, const char *profile, weir_s3_credentials *out) {
    char line[4400];
    bool ours = false;
    while (fgets(line, sizeof line, file)) {
        char *text = without_blanks(line), *value = strchr(text, '=');
        size_t length = strlen(text);
        if (text[0] == '[') {
            if (length && text[length - 1] == ']') text[length - 1] = 0;
            ours = strcmp(without_blanks(text + 1), profile) == 0;
        } else if (ours && value && text[0] != '#') {
            *value++ = 0;
            char *name = without_blanks(text);
            value = without_blanks(value);
            if (strcmp(name, "aws_access_key_id") == 0)
                (void)take_credential(out->key, sizeof out->key, value);
            else if (strcmp(name, "aws_secret_access_key") == 0)
                (void)take_credential(out->secret, sizeof out->secret, value);
            else if (strcmp(name, "aws_session_token") == 0)
                (void)take_credential(out->token, sizeof out->token, value);
        }
    }
    explicit_bzero(line, sizeof line);
}

static int from_file(weir_s3_credentials *out, weir_error *error) {
    const char *path = getenv("AWS_SHARED_CREDENTIALS_FILE"), *home = getenv("HOME");
    const char *profile = getenv("AWS_PROFILE");
    char usual[4096];
    if (!path || !path[0]) {
        (void)snprintf(usual, sizeof usual, "%s/.aws/credentials", home ? home : "");
        path = usual;
    }
    if (!profile || !profile[0]) profile = "default";
    FILE *file = fopen(path, "re");
    if (file) {
        weir_s3_read_profile(file, profile, out);
        (void)fclose(file); /* it was only read */
        if (out->key[0] && out->secret[0]) return WEIR_OK;
        return weir_s3_fail(
            error, WEIR_MISUSE,
            "%.200s has no aws_access_key_id and aws_secret_access_key below [%.60s]", path,
            profile);
    }
    return weir_s3_fail(
        error, WEIR_MISUSE,
        "no keys for the store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the "
        "environment, or write them into %.200s (%s)",
        path, strerror(errno));
}

int weir_s3_find_credentials(weir_s3_credentials *out, weir_error *error) {
    *out = (weir_s3_credentials){0};
    bool key = take_credential(out->key, sizeof out->key, getenv("AWS_ACCESS_KEY_ID"));
    bool secret = take_credential(out->secret, sizeof out->secret, getenv("AWS_SECRET_ACCESS_KEY"));
    if (key && secret) {
        (void)take_credential(out->token, sizeof out->token, getenv("AWS_SESSION_TOKEN"));
        return WEIR_OK;
    }
    if (key != secret)
        return weir_s3_fail(error, WEIR_MISUSE,
                            "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only "
                            "one is set (or it is too long); set both");
    return from_file(out, error);
}
