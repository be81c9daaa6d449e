/* store.c - an archive in an object store: its part, its objects, their names. */
#include "store.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef WEIR_S3_MODULE /* where it is installed, as the build says; without that the loader looks */
#define WEIR_S3_MODULE "weir_s3.so"
#endif

/* ---- the part --------------------------------------------------------------------------- */

static int load_part(weir_remote *remote, weir_error *error) {
    const char *path = getenv("WEIR_S3");
    if (!path || !path[0]) path = WEIR_S3_MODULE;
    remote->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!remote->module)
        return weir_fail(error, WEIR_NOT_FOUND,
                         "what talks to object stores is a package of its own: install weir-s3 (%s "
                         "cannot be loaded: %s)",
                         path, dlerror());
    remote->part = dlsym(remote->module, WEIR_STORE_PART_SYMBOL);
    if (remote->part && remote->part->version == WEIR_STORE_PART_VERSION) return WEIR_OK;
    return weir_fail(error, WEIR_VERSION,
                     "%s is of another version of weir: install the weir-s3 of this one", path);
}

int weir_remote_open(const char *url, const weir_arguments *arguments, weir_remote *out,
                     weir_error *error) {
    *out = (weir_remote){0};
    weir_store_place place = {.url = url,
                              .endpoint = arguments->endpoint,
                              .region = arguments->region,
                              .timeout_s = arguments->timeout_s};
    int status = load_part(out, error);
    if (status == WEIR_OK) status = out->part->open(&place, &out->store, error);
    if (status != WEIR_OK) weir_remote_close(out);
    return status;
}

/* The module stays loaded: libraries that it brings may have threads' destructors in it. */
void weir_remote_close(weir_remote *remote) {
    if (remote->store) remote->part->close(remote->store);
    *remote = (weir_remote){0};
}

/* ---- names ------------------------------------------------------------------------------ */

void weir_id_text(const weir_id id, char out[WEIR_ID_TEXT]) {
    for (size_t i = 0; i < sizeof(weir_id); i++)
        (void)snprintf(out + 2 * i, 3, "%02x", id[i]);
}

static int id_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_object_id(const char **at, weir_id out) {
    for (size_t i = 0; i < sizeof(weir_id); i++) {
        int high = id_digit((*at)[2 * i]);
        int low = high < 0 ? -1 : id_digit((*at)[2 * i + 1]);
        if (low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    *at += 2 * sizeof(weir_id);
    return *(*at)++ == '/';
}

/* Exactly so many digits, and what follows them. */
static bool take_fixed_number(const char **at, int digits, char after, uint64_t *out) {
    uint64_t number = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9') return false;
        uint64_t digit = (uint64_t)(**at - '0');
        if (number > (UINT64_MAX - digit) / 10) return false;
        number = number * 10 + digit;
    }
    *out = number;
    return *(*at)++ == after;
}

static bool read_tail_name(const char *at, weir_stored *s) {
    static const char prefix[] = "tail/segment-";
    if (strncmp(at, prefix, sizeof prefix - 1) != 0) return false;
    at += sizeof prefix - 1;
    s->is_tail = true;
    return take_fixed_number(&at, 20, '-', &s->number) &&
           take_fixed_number(&at, 12, '-', &s->begin) && take_fixed_number(&at, 12, 0, &s->end) &&
           s->number && s->begin < s->end && s->bytes == s->end - s->begin;
}

static bool read_stored_name(const char *name, weir_stored *s) {
    const char *at = name;
    if (!take_object_id(&at, s->journal)) return false;
    if (read_tail_name(at, s)) return true;
    s->is_tail = false;
    s->begin = 0;
    s->end = s->bytes;
    for (int kind = 0; kind < WEIR_ARCHIVED_KINDS; kind++) {
        s->kind = (weir_archived_kind)kind;
        s->number = weir_archived_number(at, s->kind);
        if (s->number) return true;
    }
    return false;
}

/* ---- the list --------------------------------------------------------------------------- */

typedef struct listing_stored {
    weir_stored_list *out;
    char below[WEIR_ID_TEXT + 1]; /* names are listed relative to it */
} listing_stored;

static int add_stored(void *context, const char *rest, uint64_t bytes) {
    const listing_stored *listing = context;
    weir_stored_list *l = listing->out;
    weir_stored s = {.bytes = bytes};
    char name[300];
    int length = snprintf(name, sizeof name, "%s%s", listing->below, rest);
    if (length < 0 || (size_t)length >= sizeof name || !read_stored_name(name, &s)) {
        l->strangers++;
        return WEIR_OK;
    }
    if (l->count == l->capacity) {
        size_t wanted = l->capacity * 2 + 64;
        if (wanted > SIZE_MAX / sizeof *l->list) return WEIR_NO_MEMORY;
        weir_stored *larger = realloc(l->list, wanted * sizeof *larger);
        if (!larger) return WEIR_NO_MEMORY;
        l->list = larger;
        l->capacity = wanted;
    }
    s.name = strdup(name);
    if (!s.name) return WEIR_NO_MEMORY;
    l->list[l->count++] = s;
    return WEIR_OK;
}

static int compare_u64(uint64_t a, uint64_t b) { return a < b ? -1 : a > b; }

static int in_stored_order(const void *a, const void *b) {
    const weir_stored *x = a, *y = b;
    int order = memcmp(x->journal, y->journal, sizeof x->journal);
    if (order == 0) order = compare_u64(x->is_tail, y->is_tail);
    if (order == 0) order = compare_u64(x->number, y->number);
    if (order == 0) order = compare_u64(x->kind, y->kind);
    return order ? order : compare_u64(x->begin, y->begin);
}

int weir_stored_take(const weir_remote *remote, const uint8_t *journal, weir_stored_list *out,
                     weir_error *error) {
    listing_stored listing = {.out = out};
    *out = (weir_stored_list){0};
    if (journal) {
        weir_id_text(journal, listing.below);
        listing.below[WEIR_ID_TEXT - 1] = '/';
    }
    int status = remote->part->list(remote->store, listing.below, add_stored, &listing, error);
    if (status == WEIR_NO_MEMORY) (void)weir_fail(error, status, "no memory to list the store");
    if (out->count) qsort(out->list, out->count, sizeof *out->list, in_stored_order);
    return status;
}

void weir_stored_free(weir_stored_list *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->list[i].name);
    free(list->list);
    *list = (weir_stored_list){0};
}

const weir_stored *weir_stored_whole(const weir_stored_list *list, uint64_t number) {
    for (size_t i = 0; i < list->count; i++)
        if (!list->list[i].is_tail && list->list[i].number == number) return &list->list[i];
    return NULL;
}

uint64_t weir_stored_tail_end(const weir_stored_list *list, uint64_t number) {
    uint64_t end = 0;
    for (size_t i = 0; i < list->count; i++) {
        const weir_stored *s = &list->list[i];
        if (s->is_tail && s->number == number && s->begin <= end && s->end > end) end = s->end;
    }
    return end;
}
