/* http.c - one signed request, tried again while its failure may pass. */
#include "http.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 6, FIRST_PAUSE_MS = 250 };

static void digits_of(const unsigned char *sum, char out[WEIR_S3_SHA256]) {
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

bool weir_s3_sha256(const void *bytes, size_t length, char out[WEIR_S3_SHA256]) {
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int size;
    out[0] = 0;
    if (EVP_Digest(bytes, length, sum, &size, EVP_sha256(), NULL) != 1 || size != 32) return false;
    digits_of(sum, out);
    return true;
}

/* ---- one try ---------------------------------------------------------------------------- */

typedef struct trying {
    const weir_s3_request *request;
    weir_s3_answer *answer;
    CURL *curl;
    EVP_MD_CTX *sum;
    uint64_t written;
    size_t sent;
    int os_error; /* of writing the file */
} trying;

static size_t send_some(char *into, size_t size, size_t count, void *user) {
    trying *t = user;
    size_t left = t->request->length - t->sent, room = size * count;
    size_t n = left < room ? left : room;
    if (n) memcpy(into, t->request->bytes + t->sent, n);
    t->sent += n;
    return n;
}

/* libcurl asks for it when a connection that it had kept was closed before anything was answered. */
static int send_from(void *user, curl_off_t offset, int origin) {
    trying *t = user;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->request->length)
        return CURL_SEEKFUNC_FAIL;
    t->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static bool keep_in_memory(weir_s3_answer *a, const char *bytes, size_t length) {
    if (length > WEIR_S3_BODY_MAX - a->length) return false;
    if (a->length + length + 1 > a->capacity) {
        size_t wanted = 2 * (a->length + length) + 1024;
        char *larger = realloc(a->body, wanted);
        if (!larger) return false;
        a->body = larger;
        a->capacity = wanted;
    }
    memcpy(a->body + a->length, bytes, length);
    a->length += length;
    a->body[a->length] = 0;
    return true;
}

static bool write_to_file(trying *t, const char *bytes, size_t length) {
    while (length) {
        ssize_t n =
            pwrite(t->request->file, bytes, length, (off_t)(t->request->offset + t->written));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            t->os_error = n < 0 ? errno : EIO;
            return false;
        }
        if (EVP_DigestUpdate(t->sum, bytes, (size_t)n) != 1) return false;
        t->written += (uint64_t)n;
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user) {
    trying *t = user;
    size_t length = size * count;
    long status = 0;
    (void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE,
                            &status); /* 0 would be an answer, too */
    bool to_file = t->request->file >= 0 && status == 200;
    bool done =
        to_file ? write_to_file(t, bytes, length) : keep_in_memory(t->answer, bytes, length);
    return done ? length : 0;
}

static size_t take_answer_header(char *bytes, size_t size, size_t count, void *user) {
    trying *t = user;
    weir_s3_take_header(bytes, size * count, t->answer->sha256);
    return size * count;
}

static bool add_header(struct curl_slist **list, const char *name, const char *value) {
    char line[4200];
    int length = snprintf(line, sizeof line, "%s: %s", name, value);
    if (length < 0 || (size_t)length >= sizeof line) return false;
    struct curl_slist *longer = curl_slist_append(*list, line);
    explicit_bzero(line, sizeof line);
    if (longer) *list = longer;
    return longer != NULL;
}

/* All of them are signed. */
static struct curl_slist *make_headers(const weir_store *store, const weir_s3_request *r) {
    struct curl_slist *list = NULL;
    char sum[WEIR_S3_SHA256];
    bool put = strcmp(r->method, "PUT") == 0;
    bool made = weir_s3_sha256(put ? (const void *)r->bytes : "", put ? r->length : 0, sum) &&
                add_header(&list, "x-amz-content-sha256", sum);
    if (made && put)
        made = add_header(&list, "If-None-Match", "*") &&
               add_header(&list, "x-amz-meta-weir-sha256", sum) &&
               add_header(&list, "Content-Type", "application/octet-stream");
    if (made && store->credentials.token[0])
        made = add_header(&list, "x-amz-security-token", store->credentials.token);
    if (made) return list;
    curl_slist_free_all(list);
    return NULL;
}

static char *make_url(const weir_store *store, const weir_s3_request *r) {
    char *key = NULL, *url = NULL;
    char *prefix = weir_s3_encoded(store->prefix, false);
    if (r->name) key = weir_s3_encoded(r->name, false);
    if (prefix && (key || !r->name) &&
        asprintf(&url, "%s%s%s%s%s%s", store->base, r->name ? "/" : "", r->name ? prefix : "",
                 key ? key : "", r->query ? "?" : "", r->query ? r->query : "") < 0)
        url = NULL;
    free(prefix);
    free(key);
    return url;
}

static CURLcode set_up_try(weir_store *store, trying *t, const char *url,
                           struct curl_slist *headers) {
    CURL *c = store->curl;
    const weir_s3_request *r = t->request;
    curl_easy_reset(c); /* connections are kept */
    CURLcode code = CURLE_OK;
#define SET(option, value)                                                                         \
    if (code == CURLE_OK) code = curl_easy_setopt(c, option, value)
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_AWS_SIGV4, store->signing);
    SET(CURLOPT_USERNAME, store->credentials.key);
    SET(CURLOPT_PASSWORD, store->credentials.secret);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_USERAGENT, "weir-s3");
    SET(CURLOPT_CONNECTTIMEOUT, (long)store->timeout_s);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)store->timeout_s);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERFUNCTION, take_answer_header);
    SET(CURLOPT_HEADERDATA, t);
    if (strcmp(r->method, "HEAD") == 0) SET(CURLOPT_NOBODY, 1L);
    if (strcmp(r->method, "PUT") == 0) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->length);
        SET(CURLOPT_READFUNCTION, send_some);
        SET(CURLOPT_READDATA, t);
        SET(CURLOPT_SEEKFUNCTION, send_from);
        SET(CURLOPT_SEEKDATA, t);
    }
#undef SET
    return code;
}

static CURLcode perform(weir_store *store, trying *t, const char *url, struct curl_slist *headers) {
    weir_s3_answer *a = t->answer;
    a->length = 0;
    a->status = 0;
    a->sha256[0] = a->got_sha256[0] = 0;
    t->written = 0;
    t->sent = 0;
    t->curl = store->curl;
    if (EVP_DigestInit_ex(t->sum, EVP_sha256(), NULL) != 1) return CURLE_OUT_OF_MEMORY;
    CURLcode code = set_up_try(store, t, url, headers);
    if (code == CURLE_OK) code = curl_easy_perform(store->curl);
    curl_off_t length = -1;
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int size;
    (void)curl_easy_getinfo(store->curl, CURLINFO_RESPONSE_CODE, &a->status); /* stays 0 */
    (void)curl_easy_getinfo(store->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                            &length); /* stays -1 */
    a->has_bytes = length >= 0;
    a->bytes = a->has_bytes ? (uint64_t)length : 0;
    if (EVP_DigestFinal_ex(t->sum, sum, &size) == 1 && size == 32) digits_of(sum, a->got_sha256);
    return code;
}

/* ---- again ------------------------------------------------------------------------------ */

static bool answer_may_pass(CURLcode code, long status) {
    switch (code) {
    case CURLE_OK: /* 409: another put of the same object is under way */
        return status >= 500 || status == 429 || status == 408 || status == 409 || status == 0;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_WEIRD_SERVER_REPLY: return true;
    default: return false;
    }
}

/* Half of it to all of it, so that many machines do not come back at once. */
static void pause_before(int tries) {
    long ms = (long)FIRST_PAUSE_MS << tries;
    struct timespec now, t;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    ms = ms / 2 + now.tv_nsec % (ms / 2 + 1);
    t = (struct timespec){ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL); /* shorter when a signal comes, and then it is tried at once */
}

static int fail_try(const weir_store *store, const trying *t, CURLcode code, weir_error *error) {
    if (t->os_error)
        return weir_s3_fail(error, t->os_error == ENOSPC ? WEIR_NO_SPACE : WEIR_IO,
                            "cannot write what came from %.200s: %s", store->said_url,
                            strerror(t->os_error));
    if (code != CURLE_OK)
        return weir_s3_fail(error, code == CURLE_OUT_OF_MEMORY ? WEIR_NO_MEMORY : WEIR_IO,
                            "%.200s: the server cannot be asked: %s", store->base,
                            curl_easy_strerror(code));
    return weir_s3_fail(error, WEIR_IO,
                        "%.200s: the server answers with error %ld, again and again", store->base,
                        t->answer->status);
}

int weir_s3_ask(weir_store *store, const weir_s3_request *request, weir_s3_answer *answer,
                weir_error *error) {
    *answer = (weir_s3_answer){0};
    trying t = {.request = request, .answer = answer, .sum = EVP_MD_CTX_new()};
    struct curl_slist *headers = make_headers(store, request);
    char *url = make_url(store, request);
    CURLcode code = t.sum && headers && url ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK) code = perform(store, &t, url, headers);
    for (int tries = 0; tries + 1 < TRIES && !t.os_error && answer_may_pass(code, answer->status);
         tries++) {
        pause_before(tries);
        code = perform(store, &t, url, headers);
    }
    bool answered = code == CURLE_OK && !answer_may_pass(code, answer->status);
    int status = answered ? WEIR_OK : fail_try(store, &t, code, error);
    curl_slist_free_all(headers);
    free(url);
    EVP_MD_CTX_free(t.sum);
    return status;
}

void weir_s3_answer_free(weir_s3_answer *answer) {
    free(answer->body);
    *answer = (weir_s3_answer){0};
}
