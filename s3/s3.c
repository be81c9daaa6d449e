/* s3.c - weir_s3, which the tool loads: an S3-compatible store whose objects are put once. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "xml.h"

/* ---- opening ---------------------------------------------------------------------------- */

static const char *either(const char *a, const char *b, const char *c) {
    if (a && a[0]) return a;
    return b && b[0] ? b : c;
}

static void s3_close(weir_store *store) {
    if (!store) return;
    if (store->curl) curl_easy_cleanup(store->curl);
    free(store->base);
    free(store->prefix);
    OPENSSL_cleanse(&store->credentials, sizeof store->credentials);
    free(store);
}

static int s3_open(const weir_store_place *place, weir_store **out, weir_error *error) {
    char usual[128];
    const char *region = either(place->region, getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"));
    region = either(region, NULL, "us-east-1");
    if (strlen(region) > 60 ||
        strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region))
        return weir_s3_fail(error, WEIR_MISUSE, "'%.80s' is no region", region);
    (void)snprintf(usual, sizeof usual, "https://s3.%s.amazonaws.com", region);
    const char *endpoint = either(place->endpoint, getenv("AWS_ENDPOINT_URL_S3"), NULL);
    endpoint = either(endpoint, getenv("AWS_ENDPOINT_URL"), usual);
    weir_store *store = calloc(1, sizeof *store);
    if (!store || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(store);
        return weir_s3_fail(error, WEIR_NO_MEMORY, "no memory to open the store");
    }
    store->said_url = place->url;
    store->timeout_s = place->timeout_s;
    store->curl = curl_easy_init();
    (void)snprintf(store->signing, sizeof store->signing, "aws:amz:%s:s3", region);
    int status = weir_s3_divide_url(store->said_url, endpoint, &store->base, &store->prefix, error);
    if (status == WEIR_OK) status = weir_s3_find_credentials(&store->credentials, error);
    if (status == WEIR_OK && !store->curl)
        status = weir_s3_fail(error, WEIR_NO_MEMORY, "no memory to open the store");
    if (status == WEIR_OK)
        *out = store;
    else
        s3_close(store);
    return status;
}

/* ---- what the server says --------------------------------------------------------------- */

static int refused(const weir_store *store, const char *name, const weir_s3_answer *answer,
                   weir_error *error) {
    char words[420];
    weir_s3_read_error(answer->body, answer->length, words, sizeof words);
    int status = answer->status == 404 ? WEIR_NOT_FOUND : WEIR_IO;
    return weir_s3_fail(error, status, "%.150s/%.150s: the server refuses, %ld %.200s",
                        store->said_url, name, answer->status,
                        words[0]                ? words
                        : answer->status == 403 ? "(are the keys right, and may they do this?)"
                        : answer->status == 404 ? "(there is no such object)"
                                                : "");
}

/* ---- the functions ---------------------------------------------------------------------- */

static char *list_query(const weir_store *store, const char *below, const char *token) {
    char *key = NULL, *prefix = NULL, *next = NULL, *query = NULL;
    if (asprintf(&key, "%s%s", store->prefix, below) < 0) key = NULL;
    if (key) prefix = weir_s3_encoded(key, true);
    next = weir_s3_encoded(token, true);
    if (prefix && next &&
        asprintf(&query, "%s%s%slist-type=2&max-keys=1000&prefix=%s",
                 next[0] ? "continuation-token=" : "", next, next[0] ? "&" : "", prefix) < 0)
        query = NULL;
    free(key);
    free(prefix);
    free(next);
    return query;
}

static int list_page(weir_store *store, const char *below, weir_store_each *each, void *context,
                     weir_s3_page *page, weir_error *error) {
    weir_s3_answer answer;
    char *query = list_query(store, below, page->next);
    if (!query) return weir_s3_fail(error, WEIR_NO_MEMORY, "no memory to list the store");
    weir_s3_request request = {.method = "GET", .query = query, .file = -1};
    int status = weir_s3_ask(store, &request, &answer, error);
    if (status == WEIR_OK && answer.status != 200) status = refused(store, below, &answer, error);
    if (status == WEIR_OK) {
        char *prefix = NULL;
        status = asprintf(&prefix, "%s%s", store->prefix, below) < 0 ? WEIR_NO_MEMORY : WEIR_OK;
        if (status == WEIR_OK)
            status = weir_s3_read_list(answer.body ? answer.body : "", answer.length, prefix, each,
                                       context, page);
        if (status == WEIR_DAMAGED || status == WEIR_NO_MEMORY)
            (void)weir_s3_fail(error, status, "%.200s: the server's list cannot be read",
                               store->base);
        free(prefix);
    }
    free(query);
    weir_s3_answer_free(&answer);
    return status;
}

static int s3_list(weir_store *store, const char *below, weir_store_each *each, void *context,
                   weir_error *error) {
    weir_s3_page page = {0};
    int status;
    do
        status = list_page(store, below, each, context, &page, error);
    while (status == WEIR_OK && page.truncated && page.next[0]);
    if (status == WEIR_OK && page.truncated)
        status =
            weir_s3_fail(error, WEIR_DAMAGED, "%.200s: the server's list has no end", store->base);
    return status;
}

static int other_bytes(const weir_store *store, const char *name, weir_error *error) {
    return weir_s3_fail(
        error, WEIR_FOREIGN,
        "%.200s/%.200s is there with other bytes, and was left as it is: another machine "
        "pushes a copy of this journal to the same place",
        store->said_url, name);
}

static int s3_compare(weir_store *store, const char *name, const uint8_t *bytes, size_t length,
                      weir_error *error) {
    weir_s3_answer answer;
    weir_s3_request request = {.method = "HEAD", .name = name, .file = -1};
    char sum[WEIR_S3_SHA256];
    if (!weir_s3_sha256(bytes, length, sum))
        return weir_s3_fail(error, WEIR_NO_MEMORY, "no memory to compare");
    int status = weir_s3_ask(store, &request, &answer, error);
    if (status == WEIR_OK && answer.status != 200) status = refused(store, name, &answer, error);
    if (status == WEIR_OK &&
        (strcmp(answer.sha256, sum) != 0 || (answer.has_bytes && answer.bytes != length)))
        status = other_bytes(store, name, error);
    weir_s3_answer_free(&answer);
    return status;
}

static int s3_put(weir_store *store, const char *name, const uint8_t *bytes, size_t length,
                  weir_error *error) {
    weir_s3_answer answer;
    weir_s3_request request = {
        .method = "PUT", .name = name, .bytes = bytes, .length = length, .file = -1};
    int status = weir_s3_ask(store, &request, &answer, error);
    long said = answer.status;
    if (status == WEIR_OK && said != 200 && said != 412)
        status = refused(store, name, &answer, error);
    weir_s3_answer_free(&answer);
    /* Also after an answer to an earlier try was lost on its way. */
    return status == WEIR_OK && said == 412 ? s3_compare(store, name, bytes, length, error)
                                            : status;
}

static int s3_get(weir_store *store, const char *name, int file, uint64_t offset,
                  weir_error *error) {
    weir_s3_answer answer;
    weir_s3_request request = {.method = "GET", .name = name, .file = file, .offset = offset};
    int status = weir_s3_ask(store, &request, &answer, error);
    if (status == WEIR_OK && answer.status != 200) status = refused(store, name, &answer, error);
    if (status == WEIR_OK && answer.sha256[0] && strcmp(answer.sha256, answer.got_sha256) != 0)
        status = weir_s3_fail(error, WEIR_DAMAGED,
                              "%.200s/%.200s: its bytes are not those that were put",
                              store->said_url, name);
    weir_s3_answer_free(&answer);
    return status;
}

extern const weir_store_part weir_store_of_s3;
__attribute__((visibility("default"))) const weir_store_part weir_store_of_s3 = {
    .version = WEIR_STORE_PART_VERSION,
    .open = s3_open,
    .close = s3_close,
    .list = s3_list,
    .put = s3_put,
    .compare = s3_compare,
    .get = s3_get,
};
