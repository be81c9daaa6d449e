/* held.c - which segments named readers hold back, and what they miss. */
#include "held.h"

#include <stdio.h>

/* What fails once, for want of a descriptor perhaps, is not worth a word. */
enum { UNREAD_TOLD = 2 };

bool weir_held_readers(weir_journal *j, weir_readers *out) {
    weir_error error = {0};
    int status = weir_readers_take(j->os, j->config.dirfd, j->config.directory, out, &error);
    for (size_t i = 0; status == WEIR_OK && i < out->count; i++)
        if (out->list[i].status == WEIR_IO)
            status = weir_fail(&error, WEIR_IO, "%.200s/readers/%s: %s", j->config.directory,
                               out->list[i].reader.name, out->list[i].why);
    if (status == WEIR_OK) {
        j->unread = (weir_unread){0};
        return true;
    }
    j->unread.times++;
    j->unread.error = error;
    return false;
}

bool weir_held_note_unread(weir_journal *j, weir_error *out) {
    if (j->unread.told || j->unread.times < UNREAD_TOLD) return false;
    j->unread.told = true;
    *out = j->unread.error;
    return true;
}

void weir_held_tell_unread(const weir_journal *j, const weir_error *why) {
    weir_error text;
    if (!j->config.event) return;
    (void)weir_fail(&text, why->status,
                    "%.300s; so it is not known what named readers need, and nothing that one of "
                    "them may need leaves journal or archive but for want of space; it is looked "
                    "at again",
                    why->text);
    j->config.event(j->config.context, WEIR_EVENT_WEAKENED, text.text);
}

/* A file that is damaged, or empty, or holds nothing of the stream, is nobody's. */
static bool can_be_held(const weir_journal *j, const weir_kept_file *file) {
    return !j->config.archive && !file->empty && !file->why && file->last_block;
}

void weir_held_look(weir_journal *j, const weir_kept_file *file, uint64_t block, weir_held *out) {
    *out = (weir_held){0};
    if (!can_be_held(j, file)) return;
    out->wanted = !weir_held_readers(j, &out->readers); /* by somebody, perhaps */
    weir_journal_lock(j);
    weir_catalog_oldest_rows(&j->catalog, &out->first_row, &out->next_row);
    uint64_t bytes = weir_catalog_bytes_up_to(&j->catalog, block);
    weir_journal_unlock(j);
    if (out->next_row == 0) return; /* there is not even a block */
    for (size_t i = 0; i < out->readers.count; i++)
        if (weir_named_holds(&out->readers.list[i], j->id, out->next_row - 1, bytes))
            out->wanted = true;
}

static void tell_passed(weir_journal *j, const weir_named *reader, uint64_t first, uint64_t last,
                        const char *why) {
    char text[500];
    /* Relaxed: a count by itself. */
    atomic_fetch_add_explicit(&j->told.rows_passed, last - first + 1, memory_order_relaxed);
    if (!j->config.event) return;
    (void)snprintf(
        text, sizeof text,
        "%.200s: the reader %s misses rows %llu to %llu, which have left the journal: %s",
        j->config.directory, reader->name, (unsigned long long)first, (unsigned long long)last,
        why);
    j->config.event(j->config.context, WEIR_EVENT_READER_PASSED, text);
}

void weir_held_tell(weir_journal *j, const weir_held *held) {
    const char *why = held->wanted ? "the journal needed the space"
                                   : "it may hold back no more; let it read on, or give it more";
    for (size_t i = 0; i < held->readers.count; i++) {
        const weir_named_note *note = &held->readers.list[i];
        uint64_t next = note->reader.mark.at.row + 1;
        bool ours = note->status == WEIR_OK && weir_id_equal(note->reader.mark.at.journal, j->id);
        if (!ours || next >= held->next_row) continue;
        tell_passed(j, &note->reader, next > held->first_row ? next : held->first_row,
                    held->next_row - 1, why);
    }
}

void weir_held_free(weir_held *held) { weir_readers_free(&held->readers); }
