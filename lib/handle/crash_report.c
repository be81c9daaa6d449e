/* crash_report.c - the rows of one crash: parts, each of which may crash without loss to the next. */
#include "crash_report.h"

#include <setjmp.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include <weir/log.h>

#include "../base/backtrace.h"
#include "../base/line.h"
#include "../base/thread.h"
#include "crash_words.h"

enum {
    WAIT_MS = 200, /* of one append */
    THREAD_NAME = 16,
    /* So near to the stack pointer an access that failed was one to the stack. */
    STACK_NEAR = 64 << 10,
};

struct weir_crash_report {
    weir_table *table;
    weir_crash crash;
    int64_t time_ns;
    int64_t rows; /* appended so far */
    int status;   /* of the last append */
    unsigned part;
    int met; /* signal of the last crash in here; 0: none */
    sigjmp_buf next_part;
    weir_registers registers;
    weir_backtrace backtrace;
    const weir_mappings *mappings; /* now, or at_install */
    weir_mappings now, at_install;
    weir_line line;
};

weir_crash_report *weir_crash_report_make(void) {
    weir_crash_report *report = calloc(1, sizeof *report);
    if (report) weir_backtrace_prepare();
    return report;
}

void weir_crash_report_note_mappings(weir_crash_report *report, const weir_os *os) {
    (void)weir_mappings_read(os, &report->at_install); /* without /proc there are none */
}

/* ---- a row ---- */

static void begin_line(weir_crash_report *r, const char *text) {
    r->line.length = 0;
    weir_line_add(&r->line, text);
}

static void append_line(weir_crash_report *r) {
    if (r->status != WEIR_OK) return;
    r->status =
        weir_append(r->table, weir_int(r->time_ns), weir_text(weir_log_level_name(WEIR_FATAL)),
                    weir_int(r->crash.thread), weir_text("weir/crash.h"), weir_int(r->rows),
                    weir_text_n(r->line.text, r->line.length));
    r->rows++;
}

/* ---- the parts ---- */

static void add_cause(weir_crash_report *r) {
    const siginfo_t *info = r->crash.info;
    if (weir_crash_is_fault(info)) {
        uint64_t address = (uint64_t)(uintptr_t)info->si_addr;
        weir_line_add(&r->line, weir_crash_code_words(r->crash.signal, info->si_code));
        weir_line_add(&r->line, ", address ");
        weir_line_add_address(&r->line, address);
        bool near = address - (r->registers.sp - STACK_NEAR) < 2 * STACK_NEAR;
        if (r->crash.signal == SIGSEGV && near)
            weir_line_add(&r->line, " (near the stack pointer: a stack overflow?)");
        return;
    }
    weir_line_add(&r->line, "sent by process ");
    weir_line_add_number(&r->line, info->si_pid);
    if (info->si_pid == getpid()) weir_line_add(&r->line, ", itself");
}

static void write_head(weir_crash_report *r) {
    char name[THREAD_NAME] = "";
    begin_line(r, weir_crash_signal_name(r->crash.signal));
    weir_line_add(&r->line, ": ");
    add_cause(r);
    weir_line_add(&r->line, ", pc ");
    weir_line_add_address(&r->line, r->registers.pc);
    weir_line_add(&r->line, ", process ");
    weir_line_add_number(&r->line, getpid());
    if (prctl(PR_GET_NAME, name) == 0) { /* a thread without a name is told as well */
        weir_line_add(&r->line, ", thread ");
        weir_line_add_bytes(&r->line, name, strnlen(name, sizeof name));
    }
    append_line(r);
}

static void read_mappings(weir_crash_report *r) {
    r->mappings = &r->at_install; /* should reading crash */
    const weir_os *os = r->table->w->os;
    if (weir_mappings_read(os, &r->now) == 0 && r->now.count) r->mappings = &r->now;
}

static void unwind(weir_crash_report *r) { weir_backtrace_unwind(&r->backtrace, &r->registers); }

/* Unwinding that crashed may have left anything. */
static void walk_frames(weir_crash_report *r) {
    bool is_good = r->backtrace.count > 1;
    if (!is_good) weir_backtrace_walk(&r->backtrace, &r->registers, r->mappings);
}

static void write_frames(weir_crash_report *r) {
    for (size_t i = 0; i < r->backtrace.count; i++) {
        uint64_t address = r->backtrace.frame[i];
        const weir_mapping *m = weir_mappings_find(r->mappings, address);
        begin_line(r, "#");
        weir_line_add_number(&r->line, (int64_t)i);
        weir_line_add(&r->line, " ");
        weir_line_add_address(&r->line, address);
        if (m) {
            weir_line_add(&r->line, " ");
            weir_line_add(&r->line, m->path);
            weir_line_add(&r->line, "+");
            weir_line_add_address(&r->line, address - m->start + m->offset);
        }
        append_line(r);
    }
}

static void write_mapping(weir_crash_report *r, const weir_mapping *m) {
    begin_line(r, "mapping ");
    weir_line_add_address(&r->line, m->start);
    weir_line_add(&r->line, "-");
    weir_line_add_address(&r->line, m->end);
    weir_line_add(&r->line, " ");
    weir_line_add_address(&r->line, m->offset);
    weir_line_add(&r->line, " ");
    for (size_t i = 0; i < m->build_id.length; i++)
        weir_line_add_hex(&r->line, m->build_id.bytes[i], 2);
    if (!m->build_id.length) weir_line_add(&r->line, "-");
    weir_line_add(&r->line, " ");
    weir_line_add(&r->line, m->path);
    append_line(r);
}

static void write_mappings(weir_crash_report *r) {
    for (size_t i = 0; i < r->mappings->count; i++)
        write_mapping(r, &r->mappings->list[i]);
    if (!r->mappings->left_out) return;
    begin_line(r, "");
    weir_line_add_number(&r->line, (int64_t)r->mappings->left_out);
    weir_line_add(&r->line, " mappings more");
    append_line(r);
}

static void write_own_crash(weir_crash_report *r) {
    if (!r->met) return;
    begin_line(r, "the crash handler crashed too (");
    weir_line_add(&r->line, weir_crash_signal_name(r->met));
    weir_line_add(&r->line, "), so that something is missing here");
    append_line(r);
}

static void begin_report(weir_crash_report *r) {
    const weir_os *os = r->table->w->os;
    r->time_ns = os->wall(os->self);
    r->rows = 0;
    r->backtrace.count = 0;
    r->registers = weir_registers_of(r->crash.context);
}

/* What must be known comes first. */
static void (*const parts[])(weir_crash_report *) = {
    begin_report, write_head,   read_mappings,  unwind,
    walk_frames,  write_frames, write_mappings, write_own_crash,
};
enum { PARTS = sizeof parts / sizeof *parts };

/* ---- in order ---- */

void weir_crash_report_write(weir_crash_report *r, weir_table *table, const weir_crash *crash) {
    r->table = table;
    r->crash = *crash;
    r->status = WEIR_OK;
    r->part = 0;
    r->met = 0;
    weir_thread_limit_waits(WAIT_MS);
    /* Comes back here after a crash, which has used up the part. The mask is the same in both
     * handlers. */
    (void)sigsetjmp(r->next_part, 0);
    while (r->part < PARTS && r->status == WEIR_OK)
        parts[r->part++](r);
    weir_thread_limit_waits(UINT32_MAX);
}

_Noreturn void weir_crash_report_escape(weir_crash_report *r, int signal) {
    r->met = signal;
    siglongjmp(r->next_part, 1);
}
