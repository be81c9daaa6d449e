/* xml.c - the answers of an S3 server that are XML. */
#include "xml.h"

#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 2048, DEPTH_MAX = 16 };

typedef struct reading_xml {
    XML_Parser parser;
    char text[TEXT_MAX];
    size_t length;
    bool too_long;
    int depth, status;
    bool is_list, has_key, has_size;
    char key[TEXT_MAX];
    uint64_t size;
    const char *prefix;
    weir_store_each *each;
    void *context;
    weir_s3_page *page;
    char code[128], message[300];
} reading_xml;

static void XMLCALL begin_element(void *user, const XML_Char *name, const XML_Char **attributes) {
    reading_xml *x = user;
    (void)attributes;
    x->length = 0;
    x->too_long = false;
    if (++x->depth > DEPTH_MAX) (void)XML_StopParser(x->parser, XML_FALSE);
    if (x->depth == 1) x->is_list = strcmp(name, "ListBucketResult") == 0;
    if (strcmp(name, "Contents") == 0) x->has_key = x->has_size = false;
}

static void XMLCALL take_xml_text(void *user, const XML_Char *text, int length) {
    reading_xml *x = user;
    if ((size_t)length >= sizeof x->text - x->length) {
        x->too_long = true;
        return;
    }
    memcpy(x->text + x->length, text, (size_t)length);
    x->length += (size_t)length;
}

static void take_size(reading_xml *x) {
    size_t digits = strspn(x->text, "0123456789");
    errno = 0;
    x->size = strtoull(x->text, NULL, 10);
    x->has_size = !x->too_long && digits > 0 && x->text[digits] == 0 && errno == 0;
}

/* A key that is too long is none of ours. */
static void give_object(reading_xml *x) {
    size_t length = strlen(x->prefix);
    if (!x->each || !x->has_key || !x->has_size) return;
    if (strncmp(x->key, x->prefix, length) != 0) return;
    x->status = x->each(x->context, x->key + length, x->size);
    if (x->status != WEIR_OK) (void)XML_StopParser(x->parser, XML_FALSE);
}

static void XMLCALL end_element(void *user, const XML_Char *name) {
    reading_xml *x = user;
    x->text[x->length] = 0;
    bool object = x->depth == 3, top = x->depth == 2;
    if (object && strcmp(name, "Key") == 0 && !x->too_long) {
        memcpy(x->key, x->text, x->length + 1);
        x->has_key = true;
    } else if (object && strcmp(name, "Size") == 0)
        take_size(x);
    else if (top && strcmp(name, "Contents") == 0)
        give_object(x);
    else if (top && strcmp(name, "IsTruncated") == 0 && x->page)
        x->page->truncated = strcmp(x->text, "true") == 0;
    else if (top && strcmp(name, "NextContinuationToken") == 0 && x->page && !x->too_long)
        memcpy(x->page->next, x->text, x->length + 1);
    else if (top && strcmp(name, "Code") == 0)
        (void)snprintf(x->code, sizeof x->code, "%.100s", x->text);
    else if (top && strcmp(name, "Message") == 0)
        (void)snprintf(x->message, sizeof x->message, "%.200s", x->text);
    x->length = 0;
    x->depth--;
}

static bool read_xml(reading_xml *x, const char *body, size_t length) {
    x->parser = XML_ParserCreate(NULL);
    if (!x->parser || length > INT32_MAX) {
        x->status = WEIR_NO_MEMORY;
        if (x->parser) XML_ParserFree(x->parser);
        return false;
    }
    XML_SetUserData(x->parser, x);
    XML_SetElementHandler(x->parser, begin_element, end_element);
    XML_SetCharacterDataHandler(x->parser, take_xml_text);
    bool whole = XML_Parse(x->parser, body, (int)length, XML_TRUE) == XML_STATUS_OK;
    XML_ParserFree(x->parser);
    return whole;
}

int weir_s3_read_list(const char *body, size_t length, const char *prefix, weir_store_each *each,
                      void *context, weir_s3_page *page) {
    static _Thread_local reading_xml x;
    x = (reading_xml){.prefix = prefix, .each = each, .context = context, .page = page};
    *page = (weir_s3_page){0};
    bool whole = read_xml(&x, body, length);
    if (x.status != WEIR_OK) return x.status;
    return whole && x.is_list ? WEIR_OK : WEIR_DAMAGED;
}

void weir_s3_read_error(const char *body, size_t length, char *text, size_t bytes) {
    static _Thread_local reading_xml x;
    x = (reading_xml){.prefix = ""};
    text[0] = 0;
    if (!body || !length) return;
    (void)read_xml(&x, body, length); /* what was read before it went wrong is worth telling */
    if (x.code[0]) (void)snprintf(text, bytes, "%s: %s", x.code, x.message);
}
