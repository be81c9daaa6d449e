/* test_any_instruction.c - a process that may die behind any instruction.
 *
 * A child does one thing with a journal while its parent steps it, instruction by instruction. What a
 * process that is killed leaves is what stands in the files of the directory: the ring is a shared
 * mapping, so its bytes are there with the store. Whenever an instruction has changed a byte of them,
 * the parent copies the directory and recovers the copy:
 *
 *   - every row whose append had returned is there, once, in its thread's order;
 *   - the row under way, or all the rows of its call, are there or none is;
 *   - opening finds nothing damaged, and the rows read as they were written.
 *
 * Two instructions that leave the same bytes leave the same crash, so one recovery stands for both.
 *
 *     test_any_instruction                 the suite: handlers and cuts at some of the instructions
 *     test_any_instruction SECONDS [SEED]  at others each round, all in ROUNDS, with rows of other sizes */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "support.h"

#ifdef __x86_64__

enum {
    LANE = 65536,
    LANES = 6,
    SEGMENT = 256 << 10,
    FILES_MAX = 24,
    BUFFER = 32768, /* the longest text */
    MANY = 3,       /* rows of one weir_append_rows */
    ROUNDS = 16,
    REFUSED_TEXT = 8000,
};

/* ---- what both processes know ---------------------------------------------------------------- */

/* A source appends rows 1, 2, … of its own; a call's rows are there together or not. Only the child
 * writes, and the parent reads while the child stands still, but for go and cut. */
typedef enum source { MAIN, STEPPED, HANDLER, SOURCES } source;

typedef struct shared {
    uint64_t seed;
    char directory[128];
    volatile uint64_t begun[SOURCES], returned[SOURCES];
    volatile bool done;            /* the part to be stepped is over */
    volatile bool leave;           /* nobody traces any more */
    volatile bool go, cut, failed; /* the parent asks for a cut; it has been made */
    char why[300];
    weir_position applied; /* what a database would hold by then; block 0: nothing */
} shared;

static shared *s;

static size_t text_length(source who, uint64_t n) {
    weir_rng rng = {s->seed * 1000 + who * 100 + n};
    return s->seed == 0 ? 20 + n % 7 : weir_rng_below(&rng, weir_rng_below(&rng, 4) ? 300 : 6000);
}

static void fill_text(char *text, size_t length, source who, uint64_t n) {
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + (who * 7 + n * 3 + i * i) % 26);
}

/* ---- the child ------------------------------------------------------------------------------- */

static weir *w;
static weir_table *plain, *keyed;
static size_t longer;           /* texts have so many bytes more */
static bool waits_to_be_traced; /* before its next call of the library */

static void must(bool fine, const char *what) {
    if (fine) return;
    (void)snprintf(s->why, sizeof s->why, "%s: %s", what, weir_last_error());
    s->failed = true;
    _exit(1);
}

/* From here on the parent steps this thread. */
static void before_a_call(void) {
    if (!waits_to_be_traced) return;
    waits_to_be_traced = false;
    must(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0, "this machine does not let a parent trace");
    (void)syscall(SYS_tgkill, getpid(), gettid(), SIGSTOP);
}

static void open_handle(void) {
    weir_error error = {0};
    weir_handle_config config = {.options = {.lane_bytes = LANE,
                                             .lanes_max = LANES,
                                             .segment_bytes = SEGMENT,
                                             .full = WEIR_FULL_FAIL},
                                 .directory = s->directory,
                                 .os = weir_os_posix(),
                                 .positions = &s->applied,
                                 .position_count = s->applied.block > 0,
                                 .database_has_positions = s->applied.block > 0,
                                 .stepped = true};
    weir_options_fill(&config.options);
    before_a_call();
    must(weir_handle_open(&config, &w, &error) == WEIR_OK, error.text);
}

static void declare(void) {
    static const weir_column columns[] = {
        {"id", WEIR_KEY}, {"source", WEIR_INTEGER}, {"n", WEIR_INTEGER}, {"t", WEIR_TEXT}};
    must(weir_declare(w, "plain", columns + 1, 3, &plain) == WEIR_OK, "declare");
    must(weir_declare(w, "keyed", columns, 4, &keyed) == WEIR_OK, "declare");
}

static char buffers[SOURCES][MANY][BUFFER];
static weir_ticket last; /* of the last row of any source */

static int append(source who, weir_table *table, size_t rows) {
    weir_value values[MANY * 4], *v = values;
    uint64_t first = s->returned[who] + 1;
    for (size_t i = 0; i < rows; i++) {
        size_t length = text_length(who, first + i) + longer;
        fill_text(buffers[who][i], length, who, first + i);
        if (table == keyed) *v++ = weir_null();
        *v++ = weir_int(who);
        *v++ = weir_int((int64_t)(first + i));
        *v++ = weir_text_n(buffers[who][i], length);
    }
    size_t columns = table == keyed ? 4 : 3;
    s->begun[who] = first + rows - 1;
    before_a_call();
    int status = rows == 1 ? weir_append_row(table, values, columns, &last)
                           : weir_append_rows(table, values, columns, rows, &last);
    if (status == WEIR_OK)
        s->returned[who] = s->begun[who];
    else
        s->begun[who] = s->returned[who]; /* refused: it may not come */
    return status;
}

static weir_batch *gathered;

/* Three rows, and a batch of rows in both tables, which is not committed. */
static void gather_batch(void) {
    weir_value v[4] = {weir_null(), weir_int(STEPPED)};
    for (int i = 0; i < 3; i++)
        must(append(STEPPED, plain, 1) == WEIR_OK, "append");
    must(weir_begin(w, &gathered) == WEIR_OK, "begin");
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t n = s->returned[STEPPED] + 1 + i;
        size_t length = text_length(STEPPED, n);
        fill_text(buffers[STEPPED][i], length, STEPPED, n);
        v[2] = weir_int((int64_t)n);
        v[3] = weir_text_n(buffers[STEPPED][i], length);
        int status = i % 2 ? weir_batch_row(gathered, keyed, v, 4)
                           : weir_batch_row(gathered, plain, v + 1, 3);
        must(status == WEIR_OK, "row");
    }
}

static void commit_gathered(void) {
    s->begun[STEPPED] = s->returned[STEPPED] + MANY;
    before_a_call();
    must(weir_commit(gathered, &last) == WEIR_OK, "commit");
    s->returned[STEPPED] = s->begun[STEPPED];
}

static void append_ok(source who) { must(append(who, plain, 1) == WEIR_OK, "append"); }

static bool hurries; /* blocks are stored as they are */

/* What the journal thread does, in this thread: until nothing is left. */
static void drain(void) {
    weir_journaler *j = weir_handle_journaler(w);
    uint64_t wait_ns;
    atomic_store(&j->waiters, 1);
    atomic_store(&j->sync_waiters, hurries);
    before_a_call();
    do
        must(weir_journaler_step(j, &wait_ns) != WEIR_NEXT_STOPPED, "the journal stopped");
    while (weir_ring_pending(j->ring));
    atomic_store(&j->waiters, 0);
}

static weir_journal_state state_now(void) {
    weir_journal_state state;
    weir_journal_get_state(weir_handle_journal(w), &state);
    return state;
}

/* ---- what is stepped: a preparation in the first thread, one in the stepped one, and the deed -- */

static void nothing(void) {}
static void three_rows(void) {
    for (int i = 0; i < 3; i++)
        append_ok(STEPPED);
}
static void rows_and_lanes(void) { /* lanes ahead for handlers, and rows of two threads */
    append_ok(MAIN);
    drain();
    append_ok(MAIN);
    append_ok(MAIN);
}
/* Up to where the next record crosses the end of the lane. */
static void up_to_the_end(void) {
    enum { HEADS = WEIR_RECORD_HEAD + 24 };
    append_ok(STEPPED);
    while (last.position % LANE + HEADS + text_length(STEPPED, s->returned[STEPPED] + 1) < LANE) {
        append_ok(STEPPED);
        if (s->returned[STEPPED] % 16 == 0) drain();
    }
}
static void until_full(void) {
    longer = REFUSED_TEXT;
    while (append(STEPPED, plain, 1) == WEIR_OK)
        ;
}
static void rows_and_a_full_segment(void) {
    rows_and_lanes();
    hurries = true;
    longer = 20000;
    while (state_now().end.offset + longer < state_now().bytes) {
        append_ok(MAIN);
        drain();
    }
    append_ok(MAIN);
    longer = 0;
}
static void two_segments(void) {
    rows_and_a_full_segment();
    longer = 20000;
    while (state_now().segments < 3) {
        append_ok(MAIN);
        drain();
    }
    longer = 0;
    append_ok(MAIN);
    weir_journal_state state = state_now();
    s->applied = (weir_position){
        .block = state.durable.block, .row = state.durable.row, .hash = state.durable.hash};
    memcpy(s->applied.journal, weir_journal_id(weir_handle_journal(w)), 16);
}
static void drained(void) {
    rows_and_lanes();
    drain();
}

static void one_plain(void) { append_ok(STEPPED); }
static void one_across(void) {
    uint64_t lap = last.position / LANE;
    append_ok(STEPPED);
    must(last.position / LANE > lap && last.position % LANE, "it does not cross the end");
}
static void one_keyed(void) { must(append(STEPPED, keyed, 1) == WEIR_OK, "append"); }
static void many(void) { must(append(STEPPED, plain, MANY) == WEIR_OK, "append"); }
static void many_keyed(void) { must(append(STEPPED, keyed, MANY) == WEIR_OK, "append"); }
static void one_large(void) {
    longer = 17000; /* such a row is measured before it is written */
    append_ok(STEPPED);
}
static void one_refused(void) { must(append(STEPPED, plain, 1) == WEIR_FULL, "refused"); }
static void drain_into_the_next(void) {
    size_t before = state_now().segments;
    drain();
    must(state_now().segments > before, "no new segment");
}
static void release(void) {
    weir_error error = {0};
    size_t before = state_now().segments;
    before_a_call();
    must(weir_journal_release(weir_handle_journal(w), s->applied.block, &error) == WEIR_OK,
         error.text);
    must(state_now().segments < before, "nothing was released");
}
static void close_it(void) {
    before_a_call();
    must(weir_close(w) == WEIR_OK, "close");
}

typedef struct deed {
    const char *name;
    void (*first)(void), (*before)(void), (*stepped)(void);
    bool opens; /* the deed opens the handle itself, of a process that has died */
} deed;

static const deed deeds[] = {
    {"plain", rows_and_lanes, three_rows, one_plain, false},
    {"wrap", rows_and_lanes, up_to_the_end, one_across, false},
    {"first", rows_and_lanes, nothing, one_plain, false},
    {"keyed", rows_and_lanes, three_rows, one_keyed, false},
    {"rows", rows_and_lanes, three_rows, many, false},
    {"keyed rows", rows_and_lanes, three_rows, many_keyed, false},
    {"batch", rows_and_lanes, gather_batch, commit_gathered, false},
    {"large", rows_and_lanes, three_rows, one_large, false},
    {"full", rows_and_lanes, until_full, one_refused, false},
    {"drain", rows_and_lanes, three_rows, drain, false},
    {"segment", rows_and_a_full_segment, three_rows, drain_into_the_next, false},
    {"release", two_segments, nothing, release, false},
    {"close", drained, nothing, close_it, false},
    {"opening", rows_and_lanes, three_rows, open_handle, true},
};
enum { DEEDS = sizeof deeds / sizeof *deeds };
static const deed with_handler = {"handler", rows_and_lanes, three_rows, one_plain, false};
static const deed with_handler_first = {"handler, first", rows_and_lanes, nothing, one_plain,
                                        false};
static const deed with_cut = {"cut", rows_and_lanes, three_rows, one_plain, false};
static const deed with_cut_first = {"cut, first", rows_and_lanes, nothing, one_plain, false};

static const deed *deed_named(const char *name) {
    static const deed *const others[] = {&with_handler, &with_handler_first, &with_cut,
                                         &with_cut_first};
    for (int i = 0; i < DEEDS; i++)
        if (strcmp(deeds[i].name, name) == 0) return &deeds[i];
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i]->name, name) == 0) return others[i];
    return NULL;
}

static void on_signal(int number) {
    (void)number;
    append_ok(HANDLER);
}

static void *be_stepped(void *argument) {
    const deed *d = argument;
    if (!d->opens) d->before();
    waits_to_be_traced = true;
    d->stepped();
    s->done = true;
    return NULL;
}

/* Started anew by the parent, so that nothing of the parent's is in here. */
static int child(const char *name, int file) {
    pthread_t thread;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (s == MAP_FAILED) return 2;
    const deed *d = deed_named(name);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    must(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
    if (!d->opens || !s->go) {
        open_handle();
        declare();
        d->first();
        if (d->opens) {
            d->before();
            _exit(0);
        }
    }
    s->go = false;
    must(pthread_create(&thread, NULL, be_stepped, (void *)(uintptr_t)d) == 0, "thread");
    while (!s->leave) {
        if (s->go) {
            drain();
            s->go = false;
            s->cut = true;
        }
        usleep(50);
    }
    (void)pthread_join(thread, NULL);
    return 0;
}

/* ---- the parent: a copy of the directory ------------------------------------------------------ */

typedef struct image {
    char name[64];
    uint8_t *bytes;
    size_t size;
    const uint8_t *map; /* of a ring: changes without a system call */
} image;

static image images[FILES_MAX];
static size_t image_count;
static char origin[128], copy[128];
static uint64_t visited, states;

static void forget_images(void) {
    for (size_t i = 0; i < image_count; i++) {
        if (images[i].map) (void)munmap((void *)(uintptr_t)images[i].map, images[i].size);
        free(images[i].bytes);
    }
    image_count = 0;
}

static void take_image(const char *name, image *out) {
    char path[256];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/%s", origin, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0 && fstat(file, &info) == 0);
    *out = (image){.size = (size_t)info.st_size, .bytes = malloc((size_t)info.st_size + 1)};
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    assert_non_null(out->bytes);
    assert_int_equal(pread(file, out->bytes, out->size, 0), info.st_size);
    if (strncmp(name, "ring", 4) == 0 && out->size) {
        out->map = mmap(NULL, out->size, PROT_READ, MAP_SHARED, file, 0);
        assert_true(out->map != MAP_FAILED);
    }
    close(file);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const image *)a)->name, ((const image *)b)->name);
}

/* After a system call: look at everything. True when something is not as before. */
static bool look_at_all(void) {
    static image before[FILES_MAX];
    size_t before_count = image_count;
    memcpy(before, images, sizeof before);
    image_count = 0;
    DIR *d = opendir(origin);
    if (d) {
        for (const struct dirent *e; (e = readdir(d));)
            if (e->d_type == DT_REG) {
                assert_true(image_count < FILES_MAX);
                take_image(e->d_name, &images[image_count++]);
            }
        closedir(d);
    }
    qsort(images, image_count, sizeof *images, by_name);
    bool changed = image_count != before_count;
    for (size_t i = 0; i < image_count && !changed; i++)
        changed = strcmp(images[i].name, before[i].name) != 0 || images[i].size != before[i].size ||
                  memcmp(images[i].bytes, before[i].bytes, images[i].size) != 0;
    for (size_t i = 0; i < before_count; i++) {
        if (before[i].map) (void)munmap((void *)(uintptr_t)before[i].map, before[i].size);
        free(before[i].bytes);
    }
    return changed;
}

/* After any other instruction only a mapping can be another. */
static bool look_at_rings(void) {
    bool changed = false;
    for (size_t i = 0; i < image_count; i++) {
        image *m = &images[i];
        if (!m->map || memcmp(m->map, m->bytes, m->size) == 0) continue;
        memcpy(m->bytes, m->map, m->size);
        changed = true;
    }
    return changed;
}

static void write_image(const image *m) {
    static const uint8_t zeros[4096];
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%.63s", copy, m->name);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, (off_t)m->size), 0);
    for (size_t at = 0; at < m->size; at += sizeof zeros) {
        size_t piece = m->size - at < sizeof zeros ? m->size - at : sizeof zeros;
        if (memcmp(m->bytes + at, zeros, piece) != 0)
            assert_int_equal(pwrite(file, m->bytes + at, piece, (off_t)at), piece);
    }
    close(file);
}

/* ---- the parent: what recovery says ------------------------------------------------------------ */

static const char *doing; /* for messages */
static uint64_t at_instruction;

static void note_event(void *context, weir_event event, const char *text) {
    (void)context;
    if (event == WEIR_EVENT_DAMAGE) fail_msg("%s: %s", doing, text);
}

typedef struct found {
    uint64_t rows[SOURCES];
} found;

static void check_row(found *f, const uint8_t *row, size_t bytes) {
    static char text[BUFFER];
    weir_value values[WEIR_COLUMNS_MAX];
    uint16_t table, columns;
    assert_true(weir_row_decode(row, bytes, &table, &columns, values));
    const weir_value *v = values + columns - 3;
    assert_true(columns >= 3 && v[0].type == WEIR_INTEGER && v[1].type == WEIR_INTEGER);
    source who = (source)v[0].as.integer;
    uint64_t n = (uint64_t)v[1].as.integer;
    assert_true(who < SOURCES);
    if (n != f->rows[who] + 1 && (f->rows[who] || !s->applied.block))
        fail_msg("%s, instruction %llu: row %llu of source %d behind row %llu", doing,
                 (unsigned long long)at_instruction, (unsigned long long)n, (int)who,
                 (unsigned long long)f->rows[who]);
    f->rows[who] = n;
    assert_true(v[2].length < BUFFER);
    fill_text(text, v[2].length, who, n);
    assert_memory_equal(text, v[2].as.bytes, v[2].length);
    if (columns == 4) assert_int_equal(values[0].type, WEIR_INTEGER);
}

static void read_rows(weir *recovered, found *f) {
    weir_journal *journal = weir_handle_journal(recovered);
    weir_journal_state state;
    weir_journal_get_state(journal, &state);
    weir_reader *reader;
    weir_error error = {0};
    assert_int_equal(weir_reader_make(weir_os_posix(), weir_journal_locator(journal), &reader),
                     WEIR_OK);
    uint64_t first =
        state.first_block > s->applied.block ? state.first_block : s->applied.block + 1;
    for (uint64_t n = first ? first : 1; n <= state.durable.block; n++) {
        weir_read_block block;
        if (weir_reader_read(reader, n, &block, &error) != WEIR_OK)
            fail_msg("%s: block %llu: %s", doing, (unsigned long long)n, error.text);
        const uint8_t *row;
        size_t bytes;
        if (block.header.kind == WEIR_BLOCK_ROWS)
            while (weir_payload_next_row(&block.payload.body, &row, &bytes) == 1)
                check_row(f, row, bytes);
    }
    weir_reader_free(reader);
}

/* What the database holds counts too: all rows up to its position. */
static void compare(const found *f) {
    for (source who = 0; who < SOURCES; who++) {
        uint64_t n = f->rows[who];
        bool held = n == 0 && s->applied.block;
        if (!held && n != s->returned[who] && n != s->begun[who])
            fail_msg("%s, instruction %llu: %llu rows of source %d; %llu had returned, %llu begun",
                     doing, (unsigned long long)at_instruction, (unsigned long long)n, (int)who,
                     (unsigned long long)s->returned[who], (unsigned long long)s->begun[who]);
    }
}

static void recover_copy(void) {
    weir *recovered;
    weir_error error = {0};
    states++;
    assert_int_equal(mkdir(copy, 0700), 0);
    for (size_t i = 0; i < image_count; i++)
        write_image(&images[i]);
    weir_handle_config config = {.options = {.lane_bytes = LANE,
                                             .lanes_max = 2,
                                             .segment_bytes = SEGMENT,
                                             .full = WEIR_FULL_FAIL,
                                             .on_event = note_event},
                                 .directory = copy,
                                 .os = weir_os_posix(),
                                 .positions = &s->applied,
                                 .position_count = s->applied.block > 0,
                                 .database_has_positions = s->applied.block > 0,
                                 .stepped = true};
    weir_options_fill(&config.options);
    if (weir_handle_open(&config, &recovered, &error) != WEIR_OK)
        fail_msg("%s, instruction %llu: %s", doing, (unsigned long long)at_instruction, error.text);
    found f = {0};
    read_rows(recovered, &f);
    compare(&f);
    assert_int_equal(weir_close(recovered), WEIR_OK);
    weir_temp_remove(copy);
}

/* ---- the parent: stepping ---------------------------------------------------------------------- */

static pid_t process, stepped; /* the child, and its thread that is traced */
static char root[96];

static pid_t start(const char *name, int file) {
    char number[16];
    (void)snprintf(number, sizeof number, "%d", file);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/proc/self/exe", "test_any_instruction", "--child", name, number,
                    (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static void complain(void) {
    fail_msg("%s, instruction %llu: the child failed: %s", doing,
             (unsigned long long)at_instruction, s->failed ? s->why : "it is gone");
}

static pid_t wait_for(pid_t pid, int *status) {
    pid_t got;
    do
        got = waitpid(pid, status, __WALL);
    while (got < 0 && errno == EINTR);
    return got;
}

static void begin(const deed *d, uint64_t seed) {
    static int file = -1;
    int status;
    doing = d->name;
    at_instruction = 0;
    if (file < 0) {
        file = memfd_create("shared", 0); /* the child inherits it */
        assert_true(file >= 0 && ftruncate(file, sizeof *s) == 0);
        s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        assert_true(s != MAP_FAILED);
    }
    memset(s, 0, sizeof *s);
    s->seed = seed;
    (void)snprintf(root, sizeof root, "%s", weir_temp_make());
    (void)snprintf(origin, sizeof origin, "%s/live", root);
    (void)snprintf(copy, sizeof copy, "%s/copy", root);
    (void)snprintf(s->directory, sizeof s->directory, "%s", origin);
    if (d->opens) { /* one that dies first */
        process = start(d->name, file);
        assert_int_equal(wait_for(process, &status), process);
        if (status) complain();
        s->go = true;
    }
    process = start(d->name, file);
    stepped = wait_for(-1, &status);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP) complain();
    (void)look_at_all();
    recover_copy();
}

/* Between a step and the next: is the instruction that comes a system call? */
static bool at_system_call(void) {
    struct user_regs_struct registers;
    assert_int_equal(ptrace(PTRACE_GETREGS, stepped, NULL, &registers), 0);
    errno = 0;
    long code = ptrace(PTRACE_PEEKTEXT, stepped, (void *)registers.rip, NULL);
    return errno == 0 && (code & 0xFFFF) == 0x050F;
}

/* One instruction further, with that signal; then recover what it has left, if that is new. False
 * when the deed is done. */
static bool step(int with_signal) {
    int status;
    bool calls = at_system_call();
    assert_int_equal(ptrace(PTRACE_SINGLESTEP, stepped, NULL, (void *)(intptr_t)with_signal), 0);
    assert_int_equal(wait_for(stepped, &status), stepped);
    if (!WIFSTOPPED(status) || s->failed) complain();
    visited++;
    at_instruction++;
    if (calls ? look_at_all() : look_at_rings()) recover_copy();
    if (WSTOPSIG(status) != SIGTRAP) complain();
    return !s->done;
}

static void let_go(void) {
    int status;
    assert_int_equal(ptrace(PTRACE_DETACH, stepped, NULL, NULL), 0);
    s->leave = true;
    assert_int_equal(wait_for(process, &status), process);
    if (s->failed) complain();
}

static void end_it(void) {
    let_go();
    (void)look_at_all();
    recover_copy();
    forget_images();
    weir_temp_remove(root);
}

/* ---- the tests ---------------------------------------------------------------------------------- */

static uint64_t seed_now;
static time_t the_end; /* of a soak; 0: none */

static bool time_is_up(void) { return the_end && time(NULL) >= the_end; }

/* At every so many instructions; the seed says at which of them. */
typedef struct places {
    uint64_t first, every;
} places;

static places places_for(uint64_t every) { return (places){1 + seed_now % every, every}; }

static void whole(const deed *d) {
    uint64_t before = states;
    begin(d, seed_now);
    while (step(0))
        ;
    print_message("%-12s %7llu instructions, %4llu of them change the files\n", d->name,
                  (unsigned long long)at_instruction, (unsigned long long)(states - before));
    end_it();
}

static void behind_any_instruction(void **state) {
    (void)state;
    for (int i = 0; i < DEEDS && !time_is_up(); i++)
        whole(&deeds[i]);
}

/* Up to the n-th instruction without looking, as others have looked there; false: the deed is shorter. */
static bool walk(uint64_t n) {
    int status;
    while (at_instruction < n && !s->done) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, stepped, NULL, NULL), 0);
        assert_int_equal(wait_for(stepped, &status), stepped);
        if (!WIFSTOPPED(status) || s->failed) complain();
        at_instruction++;
    }
    (void)look_at_all();
    return !s->done;
}

/* From each of these instructions on: the signal's handler appends, and then the append goes on. */
static void a_handler_at(const deed *d, places p) {
    unsigned done = 0;
    for (uint64_t n = p.first, more = true; more && !time_is_up(); n += p.every) {
        begin(d, seed_now);
        more = walk(n);
        if (more) {
            done++;
            (void)step(SIGUSR1);
            while (step(0))
                ;
            assert_int_equal(s->returned[HANDLER], 1);
        }
        end_it();
    }
    print_message("%-12s at %u instructions\n", d->name, done);
}

static void a_handler_inside(void **state) {
    (void)state;
    a_handler_at(&with_handler, places_for(16));
    a_handler_at(&with_handler_first, places_for(64));
}

/* The journal thread cuts, drains and syncs while the append stands there; then it goes on. */
static void a_cut_at(const deed *d, places p) {
    unsigned done = 0;
    for (uint64_t n = p.first, more = true; more && !time_is_up(); n += p.every) {
        begin(d, seed_now);
        more = walk(n);
        if (more) {
            done++;
            s->go = true;
            while (!s->cut && !s->failed && waitpid(process, NULL, WNOHANG) == 0)
                usleep(20);
            if (!s->cut) complain();
            (void)look_at_all();
            recover_copy();
            while (step(0))
                ;
        }
        end_it();
    }
    print_message("%-12s at %u instructions\n", d->name, done);
}

static void a_cut_inside(void **state) {
    (void)state;
    a_cut_at(&with_cut, places_for(8));
    a_cut_at(&with_cut_first, places_for(32));
}

static double asked_seconds;
static uint64_t asked_seed;

static void all_of_them(void **state) {
    (void)state;
    the_end = time(NULL) + (time_t)asked_seconds;
    for (seed_now = asked_seed; !time_is_up(); seed_now++) {
        a_handler_at(&with_handler, places_for(ROUNDS));
        a_cut_at(&with_cut, places_for(ROUNDS));
        a_handler_at(&with_handler_first, places_for(ROUNDS));
        a_cut_at(&with_cut_first, places_for(ROUNDS));
        behind_any_instruction(NULL);
    }
}

static int report(void **state) {
    (void)state;
    print_message("%llu instructions, seeds from %llu: %llu crash states recovered\n",
                  (unsigned long long)visited, (unsigned long long)asked_seed,
                  (unsigned long long)states);
    return 0;
}

/* Some containers forbid it. */
static bool may_trace(void) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) _exit(1);
        (void)raise(SIGSTOP);
        _exit(0);
    }
    bool stopped = pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
    bool steps = stopped && ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0 &&
                 waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
    if (stopped) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
    }
    return steps;
}

static const char *missing(void) {
    const char *sanitize = getenv("WEIR_SANITIZE");
    if (sanitize && *sanitize) return "steps through instructions of a sanitizer instead";
    return may_trace() ? NULL : "needs the right to trace a child (ptrace)";
}

/* On tmpfs, where there is one: recovery's syncs cost nothing there. */
static void prefer_memory(void) {
    if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0) (void)setenv("TMPDIR", "/dev/shm", 1);
}

int main(int argc, char **argv) {
    if (argc > 3 && strcmp(argv[1], "--child") == 0) return child(argv[2], atoi(argv[3]));
    const struct CMUnitTest suite[] = {cmocka_unit_test(behind_any_instruction),
                                       cmocka_unit_test(a_handler_inside),
                                       cmocka_unit_test(a_cut_inside)};
    const struct CMUnitTest soak[] = {cmocka_unit_test(all_of_them)};
    const char *why = missing();
    if (why) return weir_skip_all("any_instruction", why, sizeof suite / sizeof *suite);
    prefer_memory();
    if (argc > 2) asked_seed = strtoull(argv[2], NULL, 10);
    if (argc > 1) {
        asked_seconds = strtod(argv[1], NULL);
        return cmocka_run_group_tests(soak, NULL, report);
    }
    return cmocka_run_group_tests(suite, NULL, report);
}

#else
int main(void) {
    return weir_skip_all("any_instruction", "steps through instructions of x86-64", 3);
}
#endif
