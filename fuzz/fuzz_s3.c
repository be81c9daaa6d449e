/* Aims at: weir_s3_read_list, weir_s3_read_error (s3/xml.c); weir_s3_take_header,
 * weir_s3_divide_url, weir_s3_encoded, weir_s3_fail (s3/text.c); weir_s3_read_profile
 * (s3/credentials.c): all that weir_s3 makes of bytes which a server or a person wrote. What
 * libcurl reads is libcurl's. The first byte says what the rest is; before a list's body stands
 * a byte that says after how many objects the caller has enough, before an error's one that says
 * how much room there is.
 *
 * Beyond memory: the size of an object is a number that the list has in digits; no object comes
 * after one that its receiver answered with an error, and that answer is returned; a second
 * reading says the same; a sum is 64 digits or none; a base is a server and a bucket; an encoded
 * text can be decoded; messages have no control characters. */
#include <inttypes.h>
#include <string.h>

#include "../s3/credentials.h"
#include "../s3/text.h"
#include "../s3/xml.h"
#include "harness.h"

enum { WORDS = 420 }; /* as s3.c has for an error */

/* ---- lists and errors ---- */

typedef struct receiver {
    const char *body;
    size_t length;
    bool literal;           /* each text stands in the body as it is */
    unsigned enough, taken; /* enough: 0 for never */
    uint64_t sum;           /* over all that came */
} receiver;

static bool has(const receiver *r, const char *text) {
    return memmem(r->body, r->length, text, strlen(text)) != NULL;
}

/* Nothing in it stands for another character or divides a text, and it is UTF-8. */
static bool is_literal(const receiver *r) {
    bool once = !r->length || !memmem(r->body + 1, r->length - 1, "<?", 2);
    return once && !has(r, "&") && !has(r, "<!") && !memchr(r->body, 0, r->length);
}

static int take_object(void *context, const char *name, uint64_t bytes) {
    receiver *r = context;
    char digits[24];
    MUST(!r->enough || r->taken < r->enough);
    r->taken++;
    (void)snprintf(digits, sizeof digits, "%" PRIu64, bytes);
    MUST(!r->literal || has(r, digits));
    MUST(strlen(name) < sizeof((weir_s3_page *)NULL)->next);
    r->sum = r->sum * 31 + weir_hash(name, strlen(name)) + bytes;
    return r->taken == r->enough ? WEIR_FULL : WEIR_OK;
}

static int read_list(receiver *r, const char *prefix, weir_s3_page *page) {
    memset(page, 0x5A, sizeof *page);
    r->taken = 0;
    r->sum = 0;
    int status = weir_s3_read_list(r->body, r->length, prefix, take_object, r, page);
    MUST(status == WEIR_OK || status == WEIR_DAMAGED || status == WEIR_FULL);
    MUST((status == WEIR_FULL) == (r->enough && r->taken == r->enough));
    MUST(memchr(page->next, 0, sizeof page->next));
    return status;
}

static void try_list(const char *prefix, unsigned enough, const char *body, size_t length) {
    static weir_s3_page page, again;
    receiver r = {.body = body, .length = length, .enough = enough};
    r.literal = is_literal(&r);
    int status = read_list(&r, prefix, &page);
    uint64_t sum = r.sum;
    MUST(read_list(&r, prefix, &again) == status && r.sum == sum);
    MUST(page.truncated == again.truncated && strcmp(page.next, again.next) == 0);
}

static void try_error(size_t room, const char *body, size_t length) {
    char words[WORDS];
    weir_error error = {0};
    memset(words, 0x5A, sizeof words);
    weir_s3_read_error(body, length, words, room);
    MUST(memchr(words, 0, room));
    for (size_t i = room; i < sizeof words; i++)
        MUST(words[i] == 0x5A);
    (void)weir_s3_fail(&error, WEIR_IO, "it refuses: %.200s", words);
    for (const char *c = error.text; *c; c++)
        MUST((unsigned char)*c >= 32 && *c != 127);
}

/* ---- heads, URLs, keys ---- */

static void try_header(const char *line, size_t length) {
    char sum[WEIR_S3_SHA256] = "";
    weir_s3_take_header(line, length, sum);
    size_t digits = strspn(sum, "0123456789abcdef");
    MUST(sum[digits] == 0 && (digits == 0 || digits == WEIR_S3_SHA256 - 1));
}

static void try_url(const char *url, const char *endpoint) {
    char *base, *prefix;
    weir_error error = {0};
    int status = weir_s3_divide_url(url, endpoint, &base, &prefix, &error);
    if (status == WEIR_OK) {
        size_t end = strlen(base), kept = strlen(prefix);
        const char *server = strstr(base, "://");
        MUST(server && server[3] && server[3] != '/');
        MUST(strchr(server + 3, '/') && base[end - 1] != '/');
        MUST(kept == 0 || (kept > 1 && prefix[0] != '/' && prefix[kept - 1] == '/'));
    } else {
        MUST(status == WEIR_MISUSE && error.text[0]);
    }
    free(base);
    free(prefix);
}

static void try_encoded(const char *text, bool slash) {
    char *encoded = weir_s3_encoded(text, slash);
    MUST(encoded);
    const char *at = encoded;
    for (; *text; text++) {
        unsigned c = (unsigned char)*at++;
        MUST(c > 32 && c < 127 && !(slash && c == '/'));
        if (c == '%') {
            const char digits[] = {at[0], at[0] ? at[1] : 0, 0};
            MUST(strspn(digits, "0123456789ABCDEF") == 2);
            c = (unsigned)strtoul(digits, NULL, 16);
            at += 2;
        }
        MUST(c == (unsigned char)*text);
    }
    MUST(*at == 0);
    free(encoded);
}

static void check_value(const char *value, size_t bytes) {
    const char *end = memchr(value, 0, bytes);
    MUST(end);
    if (end == value) return;
    MUST(!strchr(" \t\r\n", value[0]) && !strchr(" \t\r\n", end[-1]));
}

static void try_profile(const char *profile, char *text, size_t length) {
    static weir_s3_credentials c;
    FILE *file = length ? fmemopen(text, length, "r") : NULL;
    if (!file) return;
    c = (weir_s3_credentials){0};
    weir_s3_read_profile(file, profile, &c);
    (void)fclose(file); /* it was only read */
    check_value(c.key, sizeof c.key);
    check_value(c.secret, sizeof c.secret);
    check_value(c.token, sizeof c.token);
}

/* ---- one input ---- */

/* The text up to the first end of a line, and what comes after it. */
static char *divide_lines(char *text) {
    char *end = strchr(text, '\n');
    if (!end) return text + strlen(text);
    *end = 0;
    return end + 1;
}

static void try_one(unsigned what, char *text, size_t size) {
    unsigned number = size ? (unsigned char)text[0] : 0;
    char *after = text;
    switch (what % 7) {
    case 0:
        if (size) try_list("journal/", number, text + 1, size - 1);
        break;
    case 1:
        if (size) try_list("", number, text + 1, size - 1);
        break;
    case 2:
        if (size) try_error(1 + number, text + 1, size - 1);
        break;
    case 3: try_header(text, size); break;
    case 4:
        after = divide_lines(text);
        try_url(text, after);
        break;
    case 5: try_encoded(text, number & 1); break;
    default: after = divide_lines(text); try_profile(text, after, size - (size_t)(after - text));
    }
}

/* In memory of just that size, but for a NUL behind what is read as a text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    unsigned what = data[0];
    bool is_text = what % 7 > 3;
    char *copy = malloc(size - 1 + is_text);
    MUST(copy || size - 1 + is_text == 0);
    if (size > 1) memcpy(copy, data + 1, size - 1);
    if (is_text) copy[size - 1] = 0;
    try_one(what, copy, size - 1);
    free(copy);
    return 0;
}
