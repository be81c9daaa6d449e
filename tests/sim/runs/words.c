/* words.c - every workload of up to three operations: a crash at every call of it that changes the
 * disk, and every trouble at every call of it.
 *
 * Only the last operation of a word is looked at, since what came before is a shorter word; the
 * empty word is the first opening of all. Every word begins on the same machine, so words that come
 * to the same state share its crashes. */
#include <stdio.h>
#include <string.h>

#include "runs.h"

/* letter, name. Between close and open there is nothing but open. */
#define OPERATIONS(X)                                                                              \
    X('a', APPEND_ONE)                                                                             \
    X('b', APPEND_OTHER) /* by another thread */                                                   \
    X('j', STEP_JOURNAL) /* when a row has waited for long enough */                               \
    X('w', STEP_WRITER)  /* likewise */                                                            \
    X('d', DURABLE)                                                                                \
    X('p', APPLIED)                                                                                \
    X('t', DECLARE) /* another table */                                                            \
    X('q', QUIET)   /* for so long that the database is hardened and segments released */          \
    X('c', CLOSE)                                                                                  \
    X('o', OPEN)

typedef enum operation {
#define OPERATION_ENUM(letter, name) name,
    OPERATIONS(OPERATION_ENUM)
#undef OPERATION_ENUM
        OPERATION_COUNT
} operation;

enum { LETTERS = 3, WORDS_MOST = 1000, CALLS_MOST = 4096, WORD_SEED = 7 };

typedef struct word {
    unsigned length;
    operation operation[LETTERS];
} word;

static word words[WORDS_MOST];
static size_t word_count;

static void list_words(word w, bool open) {
    words[word_count++] = w;
    if (w.length == LETTERS) return;
    for (int o = 0; o < OPERATION_COUNT; o++) {
        if (open == (o == OPEN)) continue;
        word longer = w;
        longer.operation[longer.length++] = (operation)o;
        list_words(longer, open ? o != CLOSE : true);
    }
}

size_t sim_word_count(void) {
    if (word_count == 0) list_words((word){0}, true);
    return word_count;
}

void sim_word_text(size_t index, char text[40]) {
    static const char letters[] = {
#define OPERATION_LETTER(letter, name) letter,
        OPERATIONS(OPERATION_LETTER)
#undef OPERATION_LETTER
    };
    const word *w = &words[index];
    char spelled[LETTERS + 1] = {0};
    for (unsigned i = 0; i < w->length; i++)
        spelled[i] = letters[w->operation[i]];
    (void)snprintf(text, 40, "\"%s\"", spelled);
}

/* ---- operations ------------------------------------------------------------------------- */

static void pass(sim_life *life, uint64_t ms) { life->machine.clock_ns += ms * 1000000; }

static int declare(sim_life *life) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"other", WEIR_TEXT}};
    weir_table *table;
    return weir_declare(life->handle, "u", columns, 2, &table);
}

static int be_quiet(sim_life *life) {
    for (int i = 0; i < 3; i++) {
        pass(life, 1200);
        sim_life_step_journal(life);
        sim_life_step_writer(life);
    }
    return WEIR_OK;
}

static int operate(sim_life *life, operation o) {
    switch (o) {
    case APPEND_ONE: return sim_life_append(life, 1);
    case APPEND_OTHER: return sim_life_append(life, 2);
    case STEP_JOURNAL:
        pass(life, 12);
        sim_life_step_journal(life);
        return WEIR_OK;
    case STEP_WRITER:
        pass(life, 60);
        sim_life_step_writer(life);
        return WEIR_OK;
    case DURABLE: return sim_life_wait(life, WEIR_DURABLE);
    case APPLIED: return sim_life_wait(life, WEIR_APPLIED);
    case DECLARE: return declare(life);
    case QUIET: return be_quiet(life);
    case CLOSE: return sim_life_close(life);
    default: return sim_life_open(life);
    }
}

/* The empty word's operation is the first opening. */
static int last_operation(sim_life *life, const word *w) {
    return w->length ? operate(life, w->operation[w->length - 1]) : sim_life_open(life);
}

static void begin_word(sim_life *life, const word *w, const sim_base *base) {
    sim_run_begin(life, base, WORD_SEED);
    life->short_run = true;
    if (w->length == 0) return;
    sim_must(life, sim_life_open(life), "the first opening");
    for (unsigned i = 0; i + 1 < w->length; i++)
        sim_must(life, operate(life, w->operation[i]), "an operation");
}

static void end_word(sim_life *life) { sim_life_end(life); }

/* ---- crashes ---------------------------------------------------------------------------- */

void sim_word_run(sim_life *life, size_t index, const sim_base *base) {
    const word *w = &words[index];
    begin_word(life, w, base);
    life->own = (weir_rng){sim_run};
    if (w->length == 0) life->facts = (uint64_t)1 << SIM_IN_FIRST_OPENING_KIND;
    life->machine.crash_point = sim_crash_point;
    sim_must(life, last_operation(life, w), "the last operation");
    sim_crash_point(life);
    end_word(life);
}

/* ---- troubles --------------------------------------------------------------------------- */

typedef struct record {
    uint8_t call[CALLS_MOST]; /* kinds, by number less one */
    uint64_t first, last;     /* calls of the last operation are numbered first … last */
} record;

static void record_calls(sim_life *life, const word *w, const sim_base *base, record *r) {
    begin_word(life, w, base);
    r->first = life->machine.calls + 1;
    life->machine.log = r->call;
    life->machine.log_limit = CALLS_MOST;
    sim_must(life, last_operation(life, w), "the last operation");
    r->last = life->machine.calls;
    if (r->last > CALLS_MOST) sim_broken("%llu calls", (unsigned long long)r->last);
    end_word(life);
}

static sim_kind kind_of(sim_call call, sim_trouble trouble) {
    bool ever = trouble == SIM_FAILS_EVER;
    switch (trouble) {
    case SIM_SHORT: return call == SIM_PREAD ? SIM_SHORT_READ_KIND : SIM_SHORT_WRITE_KIND;
    case SIM_NO_SPACE: return SIM_NO_SPACE_KIND;
    case SIM_FULL: return SIM_DISK_FULL_KIND;
    case SIM_CLOCK_BACK: return SIM_CLOCK_BACK_KIND;
    case SIM_CLOCK_AHEAD: return SIM_CLOCK_AHEAD_KIND;
    default: break;
    }
    switch (call) {
    case SIM_PREAD: return ever ? SIM_READ_FAILED_EVER_KIND : SIM_READ_FAILED_KIND;
    case SIM_PWRITE: return ever ? SIM_WRITE_FAILED_EVER_KIND : SIM_WRITE_FAILED_KIND;
    case SIM_DATASYNC:
    case SIM_SYNC_DIRECTORY: return ever ? SIM_SYNC_EVER_KIND : SIM_SYNC_ONCE_KIND;
    default: return ever ? SIM_NAME_FAILED_EVER_KIND : SIM_NAME_FAILED_KIND;
    }
}

/* The trouble is over. Whoever is told for good that it cannot go on closes and opens again. */
static void go_on(sim_life *life) {
    life->machine.strike_at = 0;
    life->machine.capacity = 0;
    sim_machine_disarm(&life->machine);
    sim_visit(SIM_WENT_ON_KIND);
    int status = life->handle ? sim_life_wait(life, WEIR_APPLIED) : WEIR_CLOSED;
    if (status != WEIR_OK && life->handle) (void)sim_life_close(life); /* its rows are kept */
    if (status != WEIR_OK) {
        sim_must(life, sim_life_open(life), "opening when the trouble is over");
        sim_must(life, sim_life_wait(life, WEIR_APPLIED), "waiting when the trouble is over");
    }
    const char *wrong = sim_life_check(life, WEIR_PUBLISHED);
    if (wrong) sim_broken("when the trouble is over: %s", wrong);
}

static void backoff_enter(sim_life *life, const word *w, const sim_base *base, sim_trouble trouble,
                          uint64_t number, sim_kind kind) {
    begin_word(life, w, base);
    life->own = (weir_rng){sim_run << 16 ^ number << 4 ^ trouble};
    life->profile = (int)kind;
    life->machine.trouble = trouble;
    life->machine.strike_at = number;
    (void)last_operation(life, w); /* whether it fails is for it to know */
    if (life->machine.struck) {
        sim_crash_after_fault(life);
        go_on(life);
    }
    end_word(life);
}

void sim_word_troubles(sim_life *life, size_t index, const sim_base *base) {
    static record r;
    const word *w = &words[index];
    record_calls(life, w, base, &r);
    for (uint64_t n = r.first; n <= r.last; n++)
        for (int t = SIM_FAILS; t < SIM_TROUBLES; t++) {
            sim_call call = (sim_call)r.call[n - 1];
            sim_trouble trouble = (sim_trouble)t;
            if (sim_machine_may(call, trouble))
                backoff_enter(life, w, base, trouble, n, kind_of(call, trouble));
        }
}
