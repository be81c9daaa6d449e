/* Aims at: weir_run_salvage (recovery/salvage.c, view.c, loss.c, apply.c) and, through it,
 * weir_handle_open with and without salvage (handle.c, opening.c, catalog.c, drain.c), weir_replay_step,
 * weir_journal_release (release.c), weir_close. The input is a container (container.h): a journal's
 * directory, its ring, and what a database says of it.
 *
 * The machine is in memory (memory_os.h), and recovery/ is compiled for this harness with a database
 * in memory (memory_base.h); what is to be plain recovery opens the journal as a program does, and
 * applies it.
 *
 * Beyond memory, for each input:
 *   - the verb ends with words, and with the exit code that what happened stands for;
 *   - a refusal changes no file and no row;
 *   - after a salvage the journal is whole: nothing refuses, salvage finds nothing to do, it opens as for
 *     a program, no row is left in it that was not applied, and no number is given again;
 *   - the database has every row that could be read before and was not applied, by number and content,
 *     behind them those of the ring, and no other; its table was known if its segment declares it;
 *   - a dry run before it has changed nothing, and told the code and the number of rows;
 *   - the record of losses names all numbers that are missing, and none that came;
 *   - every segment is still there, byte by byte, under one of the names that the manual gives it.
 * One input in eight is then done again with a disk on which a call fails, and once more when it is sound
 * again: what came between costs nothing of all that. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "../lib/format/expand.h"
#include "../lib/format/names.h"
#include "../lib/verify/scan.h"
#include "../recovery/deadring.h"
#include "../recovery/exits.h"
#include "../recovery/rehearse.h"
#include "harness.h"
#include "memory_base.h"
#include "salvage_os.h"

enum { SEGMENT_BYTES = 1 << 16, SECOND = 1000000000 };

static memory_os disk;
static memory_base base;

static char database_path[] = "/j.db", directory[] = MEMORY_DIRECTORY,
            ring_path[] = MEMORY_DIRECTORY "/ring";
static const weir_place place = {.os = &disk.table,
                                 .database = database_path,
                                 .directory = directory,
                                 .ring = ring_path,
                                 .database_is_there = true,
                                 .journal_is_there = true};

/* ---- the machine and the database, as recovery/ sees them ---- */

/* Whoever waits for something soon gives up. */
static uint64_t passing_time(void *self) {
    static uint64_t now_ns;
    (void)self;
    return now_ns += SECOND;
}

int fuzz_renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags) {
    (void)from_dirfd, (void)to_dirfd;
    bool taken = flags & RENAME_NOREPLACE && memory_os_find(&disk, to);
    int done =
        taken ? -EEXIST : disk.table.rename(disk.table.self, WEIR_OS_CWD, from, WEIR_OS_CWD, to);
    errno = -done;
    return done < 0 ? -1 : 0;
}

int fuzz_sink_open(const weir_sqlite_config *config, weir_sink *out, char **real_path,
                   weir_error *error) {
    (void)config, (void)real_path, (void)error;
    *out = memory_base_sink(&base);
    return WEIR_OK;
}

static weir_position *copy_positions(void) {
    weir_position *copy = malloc(sizeof base.positions);
    if (copy) memcpy(copy, base.positions, sizeof base.positions);
    return copy;
}

int fuzz_positions(weir_sink *sink, weir_position **out, size_t *count, weir_error *error) {
    (void)sink;
    *out = copy_positions();
    *count = base.position_count;
    return *out ? WEIR_OK : weir_fail(error, WEIR_NO_MEMORY, "no memory for positions");
}

int fuzz_losses_keep(const weir_place *where, const uint8_t journal[16], const weir_losses *losses,
                     uint32_t wait_s, weir_error *error) {
    (void)where, (void)journal, (void)wait_s;
    return memory_base_record(&base, losses, error);
}

int fuzz_database_look(const char *path, weir_database_view *out) {
    (void)path;
    *out = (weir_database_view){
        .state = WEIR_DATABASE_READ, .positions = copy_positions(), .count = base.position_count};
    return out->positions ? WEIR_OK : WEIR_NO_MEMORY;
}

/* Without threads, and with segments that are made quickly. */
int fuzz_handle_open(const weir_handle_config *config, weir **out, weir_error *error) {
    weir_handle_config smaller = *config;
    smaller.stepped = true;
    smaller.options.segment_bytes = SEGMENT_BYTES;
    return weir_handle_open(&smaller, out, error);
}

/* ---- what the verb says ---- */

static weir_error told; /* the error that ended it; no text: none */
static bool refused;    /* for what was found, before or after */

int fuzz_report_error(const weir_arguments *arguments, const weir_error *error) {
    told = *error;
    MUST(told.text[0]);
    return weir_report_error(arguments, error);
}

int fuzz_report_refusal(const weir_arguments *arguments, const weir_inventory *inventory) {
    refused = true;
    return weir_report_refusal(arguments, inventory);
}

static bool rehearsed;
static uint64_t rehearsed_rows;

void fuzz_report_rehearsal(const weir_arguments *arguments, const char *database,
                           const weir_applied *applied, uint64_t lost, bool lost_unknown) {
    rehearsed = true;
    rehearsed_rows = applied->rows;
    weir_report_rehearsal(arguments, database, applied, lost, lost_unknown);
}

/* ---- what opens the journal as programs do ---- */

static bool recovered; /* asked for, since it was last cleared */
static weir_error recovery_error;
static uint64_t recovered_rows;

static int read_positions(void *self, weir_position **positions, size_t *count, weir_error *error) {
    return fuzz_positions(self, positions, count, error);
}

static int apply_all(weir *w, weir_sink *sink, weir_error *error) {
    weir_journal *journal = weir_handle_journal(w);
    weir_applied applied;
    weir_apply_input input = {.os = weir_handle_os(w),
                              .locator = weir_journal_locator(journal),
                              .journal = weir_journal_id(journal),
                              .start = weir_handle_start(weir_handle_primary(w)),
                              .sink = sink,
                              .limits = WEIR_REPLAY_ALL};
    int status = weir_apply_all(&input, &applied, error);
    recovered_rows = applied.rows;
    weir_losses_free(&applied.passed);
    return status == WEIR_OK ? weir_journal_release(journal, applied.safe_block, error) : status;
}

int fuzz_recover(const weir_arguments *arguments, const weir_place *where) {
    recovered = true;
    if (arguments->dry_run) return WEIR_EXIT_CLEAN; /* recover.c has one of its own */
    weir_sink sink = memory_base_sink(&base);
    weir_handle_config config = {.options = {.lane_bytes = WEIR_TOOL_LANE_BYTES,
                                             .lanes_max = WEIR_TOOL_LANES,
                                             .archive = where->archives},
                                 .directory = where->directory,
                                 .os = &disk.table,
                                 .read_positions = read_positions};
    weir *w;
    weir_options_fill(&config.options);
    recovered_rows = 0;
    recovery_error = (weir_error){0};
    int status = fuzz_handle_open(&config, &w, &recovery_error);
    if (status != WEIR_OK) return WEIR_EXIT_FAILED;
    status = apply_all(w, &sink, &recovery_error);
    int closed = weir_close(w);
    if (status == WEIR_OK && closed < 0)
        status = weir_fail(&recovery_error, closed, "%s", weir_last_error());
    sink.close(sink.self);
    if (status != WEIR_OK) return WEIR_EXIT_FAILED;
    return recovered_rows ? WEIR_EXIT_RECOVERED : WEIR_EXIT_CLEAN;
}

/* ---- the verb ---- */

static FILE *said; /* what the tool prints goes here */
static size_t words;
static FILE *aloud; /* WEIR_FUZZ_TALK: to people too */

static ssize_t hear(void *self, const char *bytes, size_t size) {
    (void)self;
    words += size;
    if (aloud) (void)fwrite(bytes, 1, size, aloud); /* it helps people */
    return (ssize_t)size;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    cookie_io_functions_t functions = {.write = hear};
    if (getenv("WEIR_FUZZ_TALK")) aloud = stderr;
    said = fopencookie(NULL, "w", functions);
    MUST(said);
    return 0;
}

/* Glibc lets a program replace its streams. */
static int run_verb_with(const weir_arguments *arguments) {
    FILE *out = stdout, *err = stderr;
    words = 0;
    recovered = refused = rehearsed = false;
    told = (weir_error){0};
    stdout = stderr = said;
    int code = weir_run_salvage(arguments, &place);
    (void)fflush(said); /* it cannot fail */
    stdout = out;
    stderr = err;
    if (base.wrong) fprintf(stderr, "the database was asked for: %s\n", base.wrong);
    if (aloud && recovered) fprintf(aloud, "recovery: %s\n", recovery_error.text);
    MUST(!base.wrong);
    MUST(words > 0);
    return code;
}

static int run_verb(void) {
    static const weir_arguments arguments = {.verb = WEIR_VERB_SALVAGE};
    return run_verb_with(&arguments);
}

static int rehearse_verb(void) {
    static const weir_arguments arguments = {.verb = WEIR_VERB_SALVAGE, .dry_run = true};
    return run_verb_with(&arguments);
}

/* ---- what is there before ---- */

enum { KEPT_FILES = 16 };

typedef struct kept_file {
    char path[MEMORY_NAME];
    uint64_t content;
    bool segment;
} kept_file;

/* What the tool will see, and what it then may not lose. */
typedef struct expectation {
    weir_view view;
    memory_base rows; /* as its rows: all that shall come, in order */
    size_t in_blocks; /* the first of them; the others wait in the ring */
    bool headless;    /* a segment begins without declarations, or lacks some of earlier ones */
    bool nobodys;     /* a block has zeros as its journal's id */
    bool lying;       /* the position has a block whole, and not all of its rows */
    bool unmakable;   /* a row of a template makes none of a table, or its block denies it */
    bool late;        /* the ring declares a table behind a row of it */
    weir_templates templates; /* declared so far in the segment */
    size_t templates_before;  /* its head has them all */
    kept_file files[KEPT_FILES];
    size_t file_count;
} expectation;

static bool is_zero(const memory_file *f) {
    for (size_t i = 0; i < f->bytes; i++)
        if (f->data[i]) return false;
    return true;
}

static void note_files(expectation *e) {
    for (size_t i = 0; i < MEMORY_FILES; i++) {
        const memory_file *f = &disk.files[i];
        if (!f->used || !f->path[0] || is_zero(f)) continue;
        MUST(e->file_count < KEPT_FILES);
        kept_file *kept = &e->files[e->file_count++];
        (void)snprintf(kept->path, sizeof kept->path, "%s", f->path);
        kept->content = weir_hash(f->data, f->bytes);
        kept->segment = weir_number_in_name(f->path + strlen(MEMORY_DIRECTORY "/"), "segment") != 0;
    }
}

static void note_declarations(expectation *e, weir_cursor body) {
    uint32_t count = weir_take_u32(&body);
    for (uint32_t i = 0; i < count; i++) {
        weir_cursor whole = body;
        uint16_t number = weir_row_table(body.at, weir_cursor_left(&body));
        weir_template *t;
        MUST(weir_declaration_check(&body) == WEIR_OK);
        if (number <= WEIR_TABLES_MAX) {
            memory_base_declare(e->rows.declared, number);
        } else {
            MUST(weir_template_decode(&whole, &t) == WEIR_OK);
            MUST(weir_templates_keep(&e->templates, t) == WEIR_OK);
        }
    }
}

/* A row of a template that cannot be made into one of a table stops replay. */
static void note_rows(expectation *e, const weir_block_header *h, weir_cursor body,
                      weir_row_range range) {
    weir_sink sink = memory_base_sink(&e->rows);
    weir_block_header part = *h;
    weir_expander *x;
    weir_cursor rows;
    memcpy(e->rows.journal, h->journal, sizeof e->rows.journal);
    if (!(h->incompatible & WEIR_FEATURE_TEMPLATES)) {
        e->unmakable |= weir_has_template_rows(body);
        MUST(sink.apply(sink.self, h, body, range, NULL) == WEIR_OK);
        return;
    }
    MUST(weir_expander_make(&e->templates, &x) == WEIR_OK);
    for (; part.first_row <= range.last && !e->unmakable; part.first_row += part.rows) {
        int status = weir_expander_take(x, &body, UINT32_MAX, &part.rows, &rows);
        e->unmakable = status != WEIR_OK;
        if (status == WEIR_OK) MUST(part.rows && !sink.apply(sink.self, &part, rows, range, NULL));
    }
    weir_expander_free(x);
}

/* Rows that the database has need not come, nor those in front of the block where it stands. */
static void note_block(expectation *e, const weir_read_block *block) {
    const weir_position *at = &e->view.inventory.position;
    weir_block_header h = block->header;
    e->nobodys |= weir_all_zero(h.journal, sizeof h.journal);
    if (h.kind == WEIR_BLOCK_DECLARATIONS) note_declarations(e, block->payload.body);
    if (h.offset == WEIR_BLOCK_ALIGN)
        e->headless |= h.kind != WEIR_BLOCK_DECLARATIONS || e->templates.held < e->templates_before;
    weir_row_range range = {at->row + 1, h.first_row + h.rows - 1};
    if (h.kind != WEIR_BLOCK_ROWS) return;
    e->lying |= h.block <= at->block && range.last > at->row;
    if (h.block <= at->block) return;
    note_rows(e, &h, block->payload.body, range);
}

static void note_extent(expectation *e, const weir_extent *extent, weir_reader *reader) {
    for (uint64_t n = extent->first_block; n <= extent->last_block; n++) {
        weir_read_block block;
        if (weir_reader_read(reader, n, &block, NULL) != WEIR_OK) continue;
        if (weir_payload_check(&block.payload, &block.header) == WEIR_OK) note_block(e, &block);
    }
}

static void note_blocks(expectation *e) {
    const weir_inventory *inventory = &e->view.inventory;
    weir_reader *reader;
    uint64_t segment = 0;
    MUST(weir_reader_make(&disk.table, weir_inventory_locator(inventory), &reader) == WEIR_OK);
    for (size_t i = 0; i < inventory->extent_count; i++) {
        const weir_extent *extent = &inventory->extents[i];
        if (extent->segment != segment) { /* what others declare its head should repeat */
            memset(e->rows.declared, 0, sizeof e->rows.declared);
            e->templates_before = e->templates.held;
            weir_templates_free(&e->templates);
        }
        segment = extent->segment;
        note_extent(e, extent, reader);
    }
    weir_reader_free(reader);
    e->rows.committed = e->in_blocks = e->rows.count;
}

/* As replay would bring them out, without touching it. */
static void note_ring(expectation *e) {
    const weir_inventory *inventory = &e->view.inventory;
    weir_sink sink = memory_base_sink(&e->rows);
    weir_applied applied = {.position = inventory->position};
    weir_apply_input input = {.os = &disk.table,
                              .journal = inventory->journal,
                              .sink = &sink,
                              .limits = WEIR_REPLAY_ALL,
                              .ring = &e->view,
                              .place = &place};
    memcpy(applied.position.journal, inventory->journal, 16);
    e->rows.positions[0] = applied.position;
    e->rows.position_count = 1;
    (void)weir_apply_ring(&input, &applied, NULL); /* what it cannot bring out shall not come */
}

/* epochs: one more than the least at which a number is declared; UINT64_MAX for none. */
typedef void each_record(const weir_record *record, uint16_t number, uint64_t *epochs);

static void note_declared(const weir_record *record, uint16_t number, uint64_t *epochs) {
    if (record->kind == WEIR_RECORD_DECLARATION && record->epoch + 1 < epochs[number])
        epochs[number] = record->epoch + 1;
}

/* Leaves 0 where a row comes in front of its declaration. */
static void note_used(const weir_record *record, uint16_t number, uint64_t *epochs) {
    bool declared = epochs[number] != UINT64_MAX;
    if (record->kind != WEIR_RECORD_DECLARATION && declared && record->epoch + 1 < epochs[number])
        epochs[number] = 0;
}

static void walk_ring(const weir_ring *ring, each_record *each, uint64_t *epochs) {
    for (uint32_t i = 0; i < ring->header.lanes; i++) {
        const weir_lane *lane = &ring->lanes[i];
        if (!lane->data) continue;
        uint64_t tail = atomic_load_explicit(&lane->control->tail, memory_order_relaxed);
        weir_record record = {.next = lane->taken};
        while (weir_lane_read(lane, record.next, tail, &record))
            each(&record, weir_row_table(record.body, record.bytes), epochs);
    }
}

/* No producer can know of a table that is declared at a later epoch. Draining ends such a row's
 * lane; once the declaration is in a block, draining again takes it. */
static bool declares_late(const memory_base *blocks) {
    static uint64_t epochs[UINT16_MAX + 1];
    weir_ring ring;
    weir_found_ring found;
    bool late = false;
    int status = weir_ring_attach(&ring, &disk.table, WEIR_OS_CWD, ring_path, &found, NULL);
    if (status != WEIR_OK || found != WEIR_RING_OURS) return false;
    memset(epochs, 0xFF, sizeof epochs);
    walk_ring(&ring, note_declared, epochs);
    walk_ring(&ring, note_used, epochs);
    weir_ring_close(&ring);
    for (unsigned n = 0; n <= UINT16_MAX; n++) {
        bool in_blocks =
            n <= WEIR_TABLES_MAX && memory_base_declares(blocks->declared, (uint16_t)n);
        late |= epochs[n] == 0 && !in_blocks;
    }
    return late;
}

static bool overlaps(const weir_damage *d, const weir_extent *e) {
    return d->first_row && d->first_row < e->next_row && d->last_row >= e->first_row;
}

/* An older segment that says it begins with a later block. */
static bool begins_too_late(const weir_segment_note *note, const weir_extent *e) {
    return note->status == WEIR_OK && note->number < e->segment &&
           note->header.first_block > e->first_block;
}

/* The same blocks lost twice. */
static bool repeats(const weir_inventory *inventory) {
    uint64_t last = 0;
    for (size_t d = 0; d < inventory->damage_count; d++) {
        const weir_damage *damage = &inventory->damages[d];
        if (damage->first_block && damage->first_block <= last) return true;
        if (damage->last_block) last = damage->last_block;
    }
    return false;
}

static bool contradicts_itself(const weir_inventory *inventory) {
    if (repeats(inventory)) return true;
    for (size_t d = 0; d < inventory->damage_count; d++)
        for (size_t i = 0; i < inventory->extent_count; i++)
            if (overlaps(&inventory->damages[d], &inventory->extents[i])) return true;
    for (size_t i = 0; i < inventory->extent_count; i++)
        if (inventory->extents[i].next_row > inventory->next_row) return true;
    for (size_t s = 0; s < inventory->segment_count; s++)
        for (size_t i = 0; i < inventory->extent_count; i++)
            if (begins_too_late(&inventory->segments[s], &inventory->extents[i])) return true;
    for (size_t i = 1; i < inventory->extent_count; i++)
        if (inventory->extents[i].first_row < inventory->extents[i - 1].next_row) return true;
    weir_segment_header former = {.segment = 0};
    for (size_t i = 0; i < inventory->segment_count; i++) {
        const weir_segment_header *h = &inventory->segments[i].header;
        if (inventory->segments[i].status != WEIR_OK) continue;
        if (h->first_block < former.first_block || h->first_row < former.first_row) return true;
        if (h->before.block == 0 && h->before.hash) return true;
        former = *h;
    }
    return false;
}

/* What only a forger makes: rows that begin with another number than 1 though nothing came before
 * them, numbers of files that a few openings use up, segments whose heads do not declare what was
 * declared before, nobody's blocks, the same row in two blocks, an older segment with later blocks,
 * a hash of no block, a position amid its block, rows that their templates do not fit, or that stand
 * in a block without the feature. */
static bool is_beyond_us(const expectation *e) {
    const weir_inventory *inventory = &e->view.inventory;
    const weir_extent *first = inventory->extent_count ? inventory->extents : NULL;
    uint64_t block = first ? first->first_block : inventory->durable.block + 1;
    uint64_t row = first ? first->first_row : inventory->next_row;
    for (size_t i = 0; i < inventory->damage_count; i++) {
        const weir_damage *d = &inventory->damages[i];
        if (d->first_block && d->first_block < block) block = d->first_block;
        if (d->first_row && d->first_row < row) row = d->first_row;
    }
    return e->nobodys || contradicts_itself(inventory) ||
           (block == 1 && row > inventory->position.row + 1) ||
           inventory->last_segment > UINT64_MAX - 64 || e->headless || e->lying || e->unmakable;
}

static void forget(expectation *e) {
    memory_base_free(&e->rows);
    weir_templates_free(&e->templates);
    weir_view_free(&e->view);
}

static bool expect(expectation *e) {
    weir_error error = {0};
    *e = (expectation){.rows = {.os = &disk.table}};
    weir_view_input input = {
        .os = &disk.table, .place = &place, .database = place.database, .verify_all = true};
    note_files(e);
    int status = weir_view_take(&input, &e->view, &error);
    MUST(status == WEIR_OK || error.text[0]);
    if (status != WEIR_OK) return false;
    note_blocks(e);
    e->late = declares_late(&e->rows);
    note_ring(e);
    if (!is_beyond_us(e)) return true;
    forget(e);
    return false;
}

/* ---- what must be there afterwards ---- */

static bool stands_at(const char *path, uint64_t content) {
    const memory_file *f = memory_os_find(&disk, path);
    return f && weir_hash(f->data, f->bytes) == content;
}

/* Under one of the names that FORMAT gives it. */
static bool is_kept(const kept_file *file) {
    static const char *const prefixes[] = {"", "archive/", "damaged-header-", "damaged-blocks-"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char path[2 * MEMORY_NAME];
        (void)snprintf(path, sizeof path, "%s/%s%s", MEMORY_DIRECTORY, prefixes[i],
                       file->path + strlen(MEMORY_DIRECTORY "/"));
        if (stands_at(path, file->content)) return true;
    }
    return false;
}

static void check_untouched(const expectation *e) {
    for (size_t i = 0; i < e->file_count; i++)
        MUST(stands_at(e->files[i].path, e->files[i].content));
}

static void check_kept(const expectation *e) {
    for (size_t i = 0; i < e->file_count; i++)
        MUST(!e->files[i].segment || is_kept(&e->files[i]));
    if (e->view.ring.found != WEIR_RING_UNREADABLE) return;
    for (size_t i = 0; i < e->file_count; i++)
        MUST(strcmp(e->files[i].path, ring_path) != 0 ||
             stands_at(MEMORY_DIRECTORY "/damaged-header-ring", e->files[i].content) ||
             stands_at(ring_path, e->files[i].content));
}

/* A ring whose journal is gone begins a new one, with numbers of its own. */
static bool begins_anew(const expectation *e) {
    weir_found_journal found = e->view.inventory.found.journal;
    return found == WEIR_JOURNAL_ABSENT || found == WEIR_JOURNAL_EMPTY;
}

static void check_rows(const expectation *e) {
    const memory_base *wanted = &e->rows;
    /* Where blocks are lost in front of them, replay numbers the ring's rows from its mark on. */
    bool anew = begins_anew(e) || e->view.inventory.found.tail == WEIR_TAIL_ROT;
    MUST(!wanted->wrong);
    for (size_t i = 0; i < wanted->committed; i++) {
        MUST(i < base.committed);
        MUST(base.rows[i].content == wanted->rows[i].content);
        MUST(base.rows[i].declared || !wanted->rows[i].declared);
        MUST(i >= e->in_blocks || base.rows[i].journal == wanted->rows[i].journal);
        MUST((anew && i >= e->in_blocks) || base.rows[i].number == wanted->rows[i].number);
    }
    MUST(base.committed == wanted->committed);
}

static bool is_told(uint64_t row) {
    for (size_t i = 0; i < base.losses.count; i++) {
        const weir_loss *loss = &base.losses.list[i];
        if (loss->first_row == 0 || (loss->first_row <= row && row <= loss->last_row)) return true;
    }
    return false;
}

static void check_losses(const expectation *e) {
    uint64_t last = e->view.inventory.position.row;
    for (size_t i = 0; i < base.committed; i++) {
        uint64_t row = base.rows[i].number;
        if (row > last + 1) MUST(is_told(last + 1) && is_told(row - 1));
        last = row;
        for (size_t l = 0; l < base.losses.count; l++) {
            const weir_loss *loss = &base.losses.list[l];
            MUST(loss->why[0]);
            MUST(row < loss->first_row || row > loss->last_row);
        }
    }
}

/* Nothing refuses, and the next row gets a number that was never given. */
static void check_sound(const expectation *e) {
    weir_view after;
    weir_view_input input = {
        .os = &disk.table, .place = &place, .database = place.database, .verify_all = true};
    MUST(weir_view_take(&input, &after, NULL) == WEIR_OK);
    fuzz_check_inventory(&after.inventory);
    MUST(!weir_verdict_refuses(after.inventory.verdict));
    for (size_t i = 0; i < base.losses.count; i++)
        MUST(base.losses.list[i].last_row < after.inventory.next_row ||
             base.losses.list[i].last_row >= e->view.inventory.durable_next_row);
    MUST(base.committed == 0 || base.rows[base.committed - 1].number < after.inventory.next_row);
    weir_view_free(&after);
}

static void check_salvaged(const expectation *e) {
    check_kept(e);
    check_rows(e);
    check_losses(e);
    check_sound(e);
    size_t rows = base.committed;
    int code = run_verb();
    MUST(recovered && recovery_error.text[0] == 0 && code == WEIR_EXIT_CLEAN);
    MUST(base.committed == rows);
    check_sound(e);
}

/* ---- one input ---- */

static bool load(const uint8_t *data, size_t size) {
    fuzz_container container;
    weir_position *positions;
    size_t count;
    fuzz_unpack(data, size, &container);
    bool any = container.count > 0;
    memory_os_make(&disk);
    disk.table.now = passing_time;
    memory_os_load(&disk, &container, &positions, &count);
    fuzz_container_free(&container);
    memory_base_make(&base, &disk.table, positions, count);
    base.remote = size % 2; /* then some commits have no answer */
    free(positions);
    return any;
}

static void unload(void) {
    memory_base_free(&base);
    memory_os_free(&disk);
}

static int code_for(const expectation *e) {
    if (base.losses.count) return WEIR_EXIT_DAMAGE;
    return e->rows.committed ? WEIR_EXIT_RECOVERED : WEIR_EXIT_CLEAN;
}

/* An older copy stays one, damaged or not. */
static bool is_behind(const expectation *e) {
    const weir_inventory *inventory = &e->view.inventory;
    size_t n = inventory->extent_count;
    return inventory->position.row >= (n ? inventory->extents[n - 1].next_row : 1);
}

/* Only said, and nothing touched. */
static int rehearse(const expectation *e, bool *reported, uint64_t *rows) {
    int code = rehearse_verb();
    *reported = rehearsed && !told.text[0] && !refused;
    *rows = rehearsed_rows;
    check_untouched(e);
    MUST(base.committed == 0 && base.losses.count == 0);
    return code;
}

/* On a sound disk. True when all is well afterwards. */
static bool run_sound(expectation *e) {
    weir_verdict verdict = e->view.inventory.verdict;
    bool reported;
    uint64_t rows;
    int foretold = rehearse(e, &reported, &rows), code = run_verb();
    if (!weir_verdict_refuses(verdict)) {
        MUST(recovered);
        if (e->view.inventory.read_only) return false; /* it says so */
        MUST(recovery_error.text[0] == 0);
        check_rows(e);
        check_sound(e);
        return true;
    }
    MUST(!recovered);
    bool hopeless = e->view.inventory.found.spent || e->view.inventory.read_only;
    if (hopeless || weir_verdict_status(verdict) != WEIR_DAMAGED) {
        MUST(told.text[0] || refused);
        check_untouched(e);
        MUST(base.committed == 0 && base.losses.count == 0);
        return false;
    }
    check_kept(e);
    if (told.text[0] || (refused && is_behind(e))) return false;
    MUST(!refused && code == code_for(e));
    MUST(reported && foretold == code && rows == base.committed);
    check_salvaged(e);
    return true;
}

/* Rows that have left make it a journal that is refused once nothing is damaged any more, and the ring of
 * one that is gone may be a stranger (see RELIABILITY.md); a disk that denies for once that a file is there
 * makes anybody begin a new one. */
static bool may_stay_refused(const expectation *e) {
    const weir_inventory *inventory = &e->view.inventory;
    weir_found_position position = inventory->found.position;
    bool begins_later = inventory->found.recycled ||
                        (inventory->extent_count && inventory->extents[0].first_block > 1);
    return position == WEIR_POSITION_BEFORE ||
           (begins_later && position != WEIR_POSITION_MATCHES) || begins_anew(e);
}

/* Whoever goes on with such a ring brings out more than was promised, in the same order. */
static void check_rows_again(const expectation *e) {
    if (e->late)
        MUST(base.committed >= e->rows.committed);
    else
        check_rows(e);
}

/* A call fails, and then none any more. */
static void run_failing(expectation *e, uint64_t number, bool goes_well) {
    memory_os_arm(&disk, number);
    bool lies = disk.fail_with == -ENOENT;
    (void)run_verb(); /* any answer is right */
    memory_os_disarm(&disk);
    if (weir_verdict_refuses(e->view.inventory.verdict) && !lies) check_kept(e);
    (void)run_verb(); /* its code depends on how far it had come */
    if (!goes_well || lies || may_stay_refused(e)) return;
    MUST(!told.text[0] && !refused && !(recovered && recovery_error.text[0]));
    check_rows_again(e);
    check_losses(e);
    check_sound(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static expectation e; /* large */
    uint64_t number = weir_hash(data, size);
    bool goes_well = false;
    if (load(data, size) && expect(&e)) {
        goes_well = run_sound(&e);
        forget(&e);
    }
    unload();
    if (number % 8) return 0;
    if (load(data, size) && expect(&e)) {
        run_failing(&e, number, goes_well);
        forget(&e);
    }
    unload();
    return 0;
}
