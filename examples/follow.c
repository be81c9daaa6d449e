/* Hand on the rows of a journal as they become durable, each at least once, while a program writes it
 * or after it died: ./follow run.db-weir
 *
 * It ends when nothing has come for two seconds; a service would go on waiting. Kill it at any time and
 * start it again: it goes on where it was. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <weir/read.h>

static void print_value(const weir_value *v) {
    switch (v->type) {
    case WEIR_INTEGER: printf("%" PRId64, v->as.integer); break;
    case WEIR_REAL: printf("%g", v->as.real); break;
    case WEIR_TEXT: printf("%.*s", (int)v->length, (const char *)v->as.bytes); break;
    case WEIR_BLOB: printf("%" PRIu32 " bytes", v->length); break;
    default: printf("NULL"); break;
    }
}

static void hand_on(const struct weir_read_item *item) {
    printf("%" PRIu64 " %s", item->row, item->table ? item->table : "?");
    for (size_t i = 0; i < item->count; i++) {
        printf(" %s=", i < item->column_count ? item->column[i].name : "?");
        print_value(&item->values[i]);
    }
    putchar('\n');
}

/* All that has come. WEIR_PENDING: there is no more for now. */
static int hand_on_all(weir_reading *r) {
    struct weir_read_item item;
    int status;
    while ((status = weir_read_next(r, &item)) == WEIR_OK || item.kind == WEIR_READ_LOST)
        if (item.kind == WEIR_READ_ROW)
            hand_on(&item);
        else /* rows that are missing, with their numbers; or the program was started again */
            fprintf(stderr, "%s\n", item.text);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: follow JOURNAL, for example run.db-weir\n");
        return 2;
    }
    /* The journal keeps up to 100 MB of applied segments for this reader while it is away. */
    const weir_read_options options = {.name = "follow", .hold_bytes = 100000000};
    weir_reading *r;
    int status = weir_read_open(argv[1], &options, &r);
    while (status == WEIR_OK) {
        status = hand_on_all(r);
        if (status != WEIR_PENDING) break;
        if (fflush(stdout) != 0) break;                 /* first hand on … */
        status = weir_read_keep(r);                     /* … then write down that it was */
        if (status == WEIR_NOT_FOUND) status = WEIR_OK; /* there is no journal yet */
        if (status == WEIR_OK) status = weir_read_wait(r, 2000);
    }
    if (status < 0) fprintf(stderr, "%s\n", weir_last_error());
    weir_read_close(r);
    return status < 0;
}
