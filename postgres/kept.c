/* kept.c - marks of commits, by which blocks grow old. They lie apart by a part of the limits, so that
 * all of them cover twice as much as is kept, however often commits come. */
#include "kept.h"

#include <string.h>

enum { PARTS = WEIR_PG_MARKS / 2 };

/* The newest mark is far enough from the one before, and stays. */
static int stands(const weir_pg_kept *k) {
    if (k->count < 2) return 1;
    const weir_pg_mark *last = &k->marks[k->count - 1], *before = last - 1;
    return last->time_ns - before->time_ns >= k->keep_ns / PARTS &&
           last->bytes - before->bytes >= k->keep_bytes / PARTS;
}

void weir_pg_kept_note(weir_pg_kept *k, uint64_t block, uint64_t bytes, uint64_t now_ns) {
    while (k->count && k->marks[k->count - 1].block >= block)
        k->count--; /* the server went back, or only a part of a block came */
    if (!stands(k)) k->count--;
    if (k->count == WEIR_PG_MARKS) /* the second is old enough by far */
        memmove(k->marks, k->marks + 1, --k->count * sizeof *k->marks);
    k->bytes += bytes;
    k->marks[k->count++] = (weir_pg_mark){block, now_ns, k->bytes};
}

uint64_t weir_pg_kept_safe(const weir_pg_kept *k, uint64_t safe, uint64_t now_ns) {
    if (!k->keep_ns && !k->keep_bytes) return safe;
    for (uint32_t i = k->count; i-- > 0;) {
        const weir_pg_mark *m = &k->marks[i];
        if (m->block <= safe && now_ns - m->time_ns >= k->keep_ns &&
            k->bytes - m->bytes >= k->keep_bytes)
            return m->block;
    }
    return 0;
}
