/* closing.c - what a closed journal keeps of the disk.
 *
 * Nobody appends to a closed journal, and the next opening begins a segment of its own. So what was
 * held for rows to come is given back: the unwritten rest of the youngest segment always, and all
 * spares where every row is applied, since then an opening has nothing to drain or to apply and may
 * as well wait for space. Where rows wait, the largest spare stays: an opening on a full disk needs
 * it (weir_journal_close).
 *
 * In which order, so that a crash at any point leaves a journal that is in order:
 *
 *   shrink   a new small segment, as every new segment is made: named when all of it is synced
 *   mark     of a clean close, appended and synced (close.c)
 *   trim     then the older segments go, the file ends after the mark, and the spares go
 *
 * The file is cut after the mark is durable, and only behind it. A power cut may keep either size:
 * after such a mark nothing is looked for (FORMAT.md, section 7). */
#include "stream.h"

void weir_journal_shrink(weir_journal *j) {
    weir_error ignored; /* without a new segment the mark goes where the rows are */
    weir_journal_state state;
    weir_journal_get_state(j, &state);
    bool safe = weir_journal_unneeded(j) >= state.end.block && j->unsynced == 0 && !j->broken;
    if (!safe || !weir_journal_is_worth_shrinking(&state, j->config.segment_bytes)) return;
    if (weir_journal_check_place(j, NULL) != WEIR_OK) return;
    weir_journal_drop_ahead(j);
    while (weir_journal_free_spare(j)) /* or it would be taken, as large as it is */
        continue;
    j->config.segment_bytes = 0; /* from here on a segment is as large as it must be */
    weir_carry mark = {.room = WEIR_BLOCK_ALIGN};
    (void)weir_journal_start_segment(j, &mark, WEIR_LIMIT_IGNORED, &ignored);
}

/* What fails here costs space, and no more; the next closing tries again. */
void weir_journal_trim(weir_journal *j, bool rows_wait) {
    weir_error ignored;
    if (j->broken || j->unsynced || weir_journal_check_place(j, NULL) != WEIR_OK) return;
    if (j->segment.file >= 0 && weir_segment_is_open(&j->segment))
        (void)j->os->truncate(j->os->self, j->segment.file, j->segment.end);
    if (rows_wait) return;
    (void)weir_journal_release_unwanted(j, &ignored);
    weir_journal_drop_ahead(j);
    while (weir_journal_free_spare(j))
        continue;
}
