/* crash.c - the crash handler: installed when asked for, one crash at a time, then out of the way.
 *
 * The handler that was there before is not called from here: its action is installed again and the
 * signal comes again. So the kernel gives that handler its own stack and mask, and the default
 * action its core dump, as if this handler had never been. A fault comes again by itself when the
 * instruction is tried again; what was sent is sent again, blocked until this handler returns. */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weir/crash.h>
#include <weir/log.h>

#include "../base/resident.h"
#include "../base/signal_stack.h"
#include "../base/thread.h"
#include "crash.h"
#include "crash_report.h"
#include "crash_words.h"

enum {
    PATIENCE_MS = 1000, /* with other threads that crash at the same time */
    LOOK_NS = 20000000,
};

/* ---- what is installed ---- */

static pthread_mutex_t installing = PTHREAD_MUTEX_INITIALIZER; /* no handler takes it */
static weir_crash_report *report; /* made once, for ever; set before target */
/* Where crashes are logged; NULL: nowhere. Release / acquire. */
static _Atomic(weir_table *) target;
/* What was there before, by place in weir_fault_signals: written while this handler is not
 * installed for the signal. */
static struct sigaction before[WEIR_FAULT_SIGNALS];

/* ---- one crash at a time ---- */

/* Id of the thread that is being logged, or 0: compare-and-swap and a sequentially consistent store,
 * beside waiting. */
static _Atomic uint32_t turn;
static _Atomic uint32_t waiting; /* threads that wait for their turn or have it */

/* Futile after a while: then the other one hangs. */
static bool take_turn(const weir_os *os, uint32_t self) {
    uint64_t deadline = weir_deadline(os, PATIENCE_MS);
    atomic_fetch_add_explicit(&waiting, 1, memory_order_seq_cst);
    for (;;) {
        uint32_t holder = 0;
        if (atomic_compare_exchange_strong_explicit(&turn, &holder, self, memory_order_seq_cst,
                                                    memory_order_seq_cst))
            return true;
        if (os->now(os->self) >= deadline) break;
        (void)os->wait(os->self, &turn, holder, LOOK_NS); /* we look again anyway */
    }
    atomic_fetch_sub_explicit(&waiting, 1, memory_order_seq_cst);
    return false;
}

/* The next step ends the process, so let the others be logged before it. */
static void give_turn(const weir_os *os) {
    uint64_t deadline = weir_deadline(os, PATIENCE_MS);
    atomic_store_explicit(&turn, 0, memory_order_seq_cst);
    os->wake(os->self, &turn);
    atomic_fetch_sub_explicit(&waiting, 1, memory_order_seq_cst);
    os->wake(os->self, &waiting);
    for (;;) {
        uint32_t others = atomic_load_explicit(&waiting, memory_order_seq_cst);
        if (!others || os->now(os->self) >= deadline) return;
        (void)os->wait(os->self, &waiting, others, LOOK_NS); /* likewise */
    }
}

static void log_crash(weir_table *table, const weir_crash *crash) {
    const weir_os *os = table->w->os;
    if (atomic_load_explicit(&turn, memory_order_relaxed) == crash->thread)
        weir_crash_report_escape(report, crash->signal);
    if (!take_turn(os, crash->thread)) return;
    weir_crash_report_write(report, table, crash);
    give_turn(os);
}

/* ---- the handler ---- */

static void reinstall(int signal) {
    for (size_t i = 0; i < WEIR_FAULT_SIGNALS; i++)
        if (weir_fault_signals[i] == signal) (void)sigaction(signal, &before[i], NULL);
}

static bool comes_by_itself(int signal, const siginfo_t *info) {
    bool is_async = signal == SIGBUS && info->si_code == BUS_MCEERR_AO;
    return weir_crash_is_fault(info) && !is_async && signal != SIGTRAP && signal != SIGSYS &&
           signal != SIGABRT;
}

/* To another thread than the main one the kernel lets nobody send a siginfo that looks like its
 * own or like kill's. */
static void send_again(int signal, siginfo_t *info) {
    sigset_t set;
    sigemptyset(&set); /* these three fail only for arguments that these are not */
    sigaddset(&set, signal);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    long process = getpid(), thread = syscall(SYS_gettid);
    if (syscall(SYS_rt_tgsigqueueinfo, process, thread, signal, info) < 0)
        (void)syscall(SYS_tgkill, process, thread, signal); /* nothing is left to try */
}

static void on_crash(int signal, siginfo_t *info, void *context) {
    int saved = errno, held = weir_cancel_hold();
    weir_table *table = atomic_load_explicit(&target, memory_order_acquire);
    if (table) {
        const weir_crash crash = {signal, info, context, (uint32_t)syscall(SYS_gettid)};
        log_crash(table, &crash);
    }
    reinstall(signal);
    if (!comes_by_itself(signal, info)) send_again(signal, info);
    weir_cancel_allow(held);
    errno = saved;
}

/* ---- installing ---- */

static bool is_ours(const struct sigaction *action) {
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == on_crash;
}

/* No sigaction here can fail, since the signals exist and may be caught. SA_NODEFER, so that a
 * crash in the handler comes back to it. */
static void install_for(size_t i) {
    int signal = weir_fault_signals[i];
    struct sigaction now, ours = {0};
    (void)sigaction(signal, NULL, &now);
    bool has_purpose = signal == SIGTRAP || signal == SIGSYS;
    bool is_handled =
        now.sa_flags & SA_SIGINFO || (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN);
    if (is_ours(&now) || (has_purpose && is_handled)) return;
    before[i] = now;
    ours.sa_sigaction = on_crash;
    /* A call that the signal interrupts goes on, or not, as without this handler. */
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | (now.sa_flags & SA_RESTART);
    weir_signals_asynchronous(&ours.sa_mask);
    (void)sigaction(signal, &ours, NULL);
}

static void uninstall(void) {
    atomic_store_explicit(&target, NULL, memory_order_release);
    for (size_t i = 0; i < WEIR_FAULT_SIGNALS; i++) {
        struct sigaction now;
        (void)sigaction(weir_fault_signals[i], NULL, &now);
        if (is_ours(&now)) (void)sigaction(weir_fault_signals[i], &before[i], NULL);
    }
}

static int install(weir_table *table) {
    if (!report) report = weir_crash_report_make();
    if (!report) return WEIR_NO_MEMORY;
    /* A crash just now may read what is written here, and so names a mapping wrong at worst. */
    weir_crash_report_note_mappings(report, table->w->os);
    atomic_store_explicit(&target, table, memory_order_release);
    for (size_t i = 0; i < WEIR_FAULT_SIGNALS; i++)
        install_for(i);
    return WEIR_OK;
}

void weir_crash_forget(const weir *w) {
    (void)pthread_mutex_lock(&installing); /* a static, never destroyed mutex */
    weir_table *table = atomic_load_explicit(&target, memory_order_relaxed);
    if (table && table->w == w) uninstall();
    (void)pthread_mutex_unlock(&installing);
}

/* ---- the public API ---- */

int weir_log_crashes(weir *w) {
    static const char call[] = "weir_log_crashes";
    weir_table *table;
    int held;
    if (!w) return weir_misuse(call, "w is NULL");
    int status = weir_log_table(w, &table);
    if (status != WEIR_OK) return status;
    status = weir_call_enter(w, WEIR_CALL_OPEN, &held); /* weir_close() waits for it */
    if (status != WEIR_OK) return weir_refuse(call, status);
    (void)pthread_mutex_lock(&installing); /* a static, never destroyed mutex */
    status = install(table);
    (void)pthread_mutex_unlock(&installing);
    weir_call_exit(w, held);
    return status == WEIR_OK ? status : weir_refuse(call, status);
}

void weir_log_crashes_stop(void) {
    (void)pthread_mutex_lock(&installing);
    if (atomic_load_explicit(&target, memory_order_relaxed)) uninstall();
    (void)pthread_mutex_unlock(&installing);
}

int weir_log_crashes_stack(void) {
    weir_resident_stay(); /* the stack is given back at the thread's end */
    int status = weir_signal_stack_take();
    return status == WEIR_OK ? status : weir_refuse("weir_log_crashes_stack", status);
}
