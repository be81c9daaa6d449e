/* text.c - what people and servers write: URLs, lines of headers, messages. Without libcurl. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int weir_s3_fail(weir_error *error, int status, const char *format, ...) {
    va_list list;
    if (!error) return status;
    va_start(list, format);
    (void)vsnprintf(error->text, sizeof error->text, format, list);
    va_end(list);
    for (char *c = error->text; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) *c = '?'; /* a server's words are not trusted */
    error->status = status;
    error->os_error = 0;
    return status;
}

char *weir_s3_encoded(const char *text, bool slash) {
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t length = strlen(text);
    if (length > (SIZE_MAX - 1) / 3) return NULL;
    char *out = malloc(3 * length + 1), *at = out;
    for (; out && *text; text++) {
        if (strchr(plain, *text) || (*text == '/' && !slash))
            *at++ = *text;
        else
            at += snprintf(at, 4, "%%%02X", (unsigned)(unsigned char)*text);
    }
    if (out) *at = 0;
    return out;
}

/* What follows on a beginning; NULL: the text begins with something else. */
static const char *after(const char *text, const char *beginning) {
    size_t length = strlen(beginning);
    return strncmp(text, beginning, length) == 0 ? text + length : NULL;
}

int weir_s3_divide_url(const char *url, const char *endpoint, char **base, char **prefix,
                       weir_error *error) {
    *base = *prefix = NULL;
    const char *bucket = after(url, "s3://"), *server = after(endpoint, "http://");
    if (!server) server = after(endpoint, "https://");
    if (!bucket || !bucket[0] || bucket[0] == '/')
        return weir_s3_fail(error, WEIR_MISUSE,
                            "'%.200s' is no store: name it as s3://BUCKET/PREFIX", url);
    size_t length = strcspn(bucket, "/"), end = strlen(endpoint);
    const char *folder = bucket + length + strspn(bucket + length, "/");
    size_t kept = strlen(folder);
    while (end && endpoint[end - 1] == '/')
        end--;
    while (kept && folder[kept - 1] == '/')
        kept--;
    if (length > 255 || kept > 700 || end > 1000)
        return weir_s3_fail(error, WEIR_MISUSE, "the name of the store is too long");
    if (!server || !server[0] || server[0] == '/')
        return weir_s3_fail(error, WEIR_MISUSE,
                            "'%.200s' is no endpoint: name it as https://SERVER or http://SERVER",
                            endpoint);
    if (asprintf(base, "%.*s/%.*s", (int)end, endpoint, (int)length, bucket) < 0) *base = NULL;
    if (asprintf(prefix, "%.*s%s", (int)kept, folder, kept ? "/" : "") < 0) *prefix = NULL;
    if (*base && *prefix) return WEIR_OK;
    return weir_s3_fail(error, WEIR_NO_MEMORY, "no memory to open the store");
}

void weir_s3_take_header(const char *line, size_t length, char sha256[WEIR_S3_SHA256]) {
    static const char header[] = "x-amz-meta-weir-sha256:";
    size_t name = sizeof header - 1, digits = 0;
    if (length < name || strncasecmp(line, header, name) != 0) return;
    const char *at = line + name, *end = line + length;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (at + digits < end && at[digits] && strchr("0123456789abcdef", at[digits]))
        digits++;
    if (digits != WEIR_S3_SHA256 - 1) return;
    memcpy(sha256, at, digits);
    sha256[digits] = 0;
}
