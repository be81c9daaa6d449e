/* backtrace.c - the frames of a thread that a signal interrupted. */
#include "backtrace.h"

#include <execinfo.h>
#include <string.h>
#include <ucontext.h>

#include "peek.h"

/* Measured, and half as much again: see backtrace.h. */
enum {
#ifdef __aarch64__
    UNWINDING_STACK = 8 << 10,
#else
    UNWINDING_STACK = 2560,
#endif
    WORD = sizeof(uint64_t),
};

/* A pointer authentication code is above the 48 bits of an address. */
#define ADDRESS_MASK 0x0000FFFFFFFFFFFFu

/* ---- registers ---- */

static void take_registers(const ucontext_t *c, weir_registers *out) {
#if defined(__x86_64__)
    out->pc = (uint64_t)c->uc_mcontext.gregs[REG_RIP];
    out->sp = (uint64_t)c->uc_mcontext.gregs[REG_RSP];
    out->frame = (uint64_t)c->uc_mcontext.gregs[REG_RBP];
#elif defined(__aarch64__)
    out->pc = c->uc_mcontext.pc;
    out->sp = c->uc_mcontext.sp;
    out->frame = c->uc_mcontext.regs[29];
    out->link = c->uc_mcontext.regs[30];
#else
    (void)c;
    (void)out;
#endif
}

weir_registers weir_registers_of(const void *context) {
    const ucontext_t *c = context;
    weir_registers r = {.stack_left = UINT64_MAX};
    take_registers(c, &r);
    uint64_t here = (uint64_t)(uintptr_t)&r, base = (uint64_t)(uintptr_t)c->uc_stack.ss_sp;
    if (here >= base && here - base < c->uc_stack.ss_size) r.stack_left = here - base;
    return r;
}

/* ---- unwind tables ---- */

void weir_backtrace_prepare(void) {
    void *frame;
    (void)backtrace(&frame, 1); /* what it answers is of no use: it loads libgcc */
}

void weir_backtrace_unwind(weir_backtrace *out, const weir_registers *r) {
    out->count = 0;
    if (!r->pc || r->stack_left < UNWINDING_STACK) return;
    int found = backtrace(out->raw, sizeof out->raw / sizeof *out->raw);
    int first = 0;
    while (first < found && (uint64_t)(uintptr_t)out->raw[first] != r->pc)
        first++;
    for (; first < found && out->count < WEIR_FRAMES_MAX; first++)
        out->frame[out->count++] = (uint64_t)(uintptr_t)out->raw[first];
}

/* ---- frame pointers ---- */

static bool add_frame(weir_backtrace *out, uint64_t address, const weir_mappings *code) {
    address &= ADDRESS_MASK;
    if (out->count == WEIR_FRAMES_MAX || !weir_mappings_find(code, address)) return false;
    out->frame[out->count++] = address;
    return true;
}

/* Nothing but the return address was stored since a call that led outside all code. */
static void add_caller(weir_backtrace *out, const weir_registers *r, const weir_mappings *code) {
    uint64_t address = r->link;
    if (weir_mappings_find(code, r->pc)) return;
    if (address || weir_peek(r->sp, &address, sizeof address)) (void)add_frame(out, address, code);
}

/* A frame holds the frame pointer of its caller, then the return address. Callers have theirs at
 * higher addresses, so this ends. */
void weir_backtrace_walk(weir_backtrace *out, const weir_registers *r, const weir_mappings *code) {
    uint64_t at = r->frame, pair[2];
    out->frame[0] = r->pc;
    out->count = 1;
    add_caller(out, r, code);
    while (at && at % WORD == 0 && weir_peek(at, pair, sizeof pair)) {
        if (!add_frame(out, pair[1], code) || pair[0] <= at) return;
        at = pair[0];
    }
}
