/* wrap.c - calls between modules of lib and writer that the linker leads through here (--wrap): a
 * life sees what its process does, and threads are steps. */
#include <zstd.h>

#include "../life.h"

/* ---- no threads --------------------------------------------------------------------------- */

int __wrap_weir_journaler_start(weir_journaler *j, weir_error *error);
int __wrap_weir_applier_start(weir_applier *a, weir_error *error);

/* Threads are steps: see life.h. Whoever closes is then the thread, to the end. */
int __wrap_weir_journaler_start(weir_journaler *j, weir_error *error) {
    (void)j, (void)error;
    return WEIR_OK;
}

int __wrap_weir_applier_start(weir_applier *a, weir_error *error) {
    (void)a, (void)error;
    return WEIR_OK;
}

/* ---- the writer of a life, whoever makes it --------------------------------------------- */

int __real_weir_applier_make(weir_attached *attached, const char *name, const weir_sink *sink,
                             weir_wakeup *wakeup, weir_applier **out, weir_error *error);
int __wrap_weir_applier_make(weir_attached *attached, const char *name, const weir_sink *sink,
                             weir_wakeup *wakeup, weir_applier **out, weir_error *error);
int __real_weir_applier_stop(weir_applier *a, uint64_t deadline_ns);
int __wrap_weir_applier_stop(weir_applier *a, uint64_t deadline_ns);

static sim_life *this_life(void) { return sim_now->context; }

int __wrap_weir_applier_make(weir_attached *attached, const char *name, const weir_sink *sink,
                             weir_wakeup *wakeup, weir_applier **out, weir_error *error) {
    int status = __real_weir_applier_make(attached, name, sink, wakeup, out, error);
    bool second = out == &this_life()->second;
    if (status == WEIR_OK && !second) this_life()->applier = *out;
    return status;
}

/* A dead process applies nothing more; its memory is given back. */
int __wrap_weir_applier_stop(weir_applier *a, uint64_t deadline_ns) {
    if (this_life()->applier == a) this_life()->applier = NULL;
    if (!this_life()->ending) return __real_weir_applier_stop(a, deadline_ns);
    weir_applier_free(a);
    return WEIR_OK;
}

/* ---- what opening finds ----------------------------------------------------------------- */

int __real_weir_inventory_take(const weir_inventory_input *input, weir_inventory *out,
                               weir_error *error);
int __wrap_weir_inventory_take(const weir_inventory_input *input, weir_inventory *out,
                               weir_error *error);

int __wrap_weir_inventory_take(const weir_inventory_input *input, weir_inventory *out,
                               weir_error *error) {
    int status = __real_weir_inventory_take(input, out, error);
    if (status == WEIR_OK && !input->verify_all) sim_life_found(out);
    return status;
}

/* ---- contexts of zstd, kept for the next life: making one costs more than a crash ---------- */

enum { POOL = 64 };

ZSTD_CCtx *__real_ZSTD_createCCtx(void);
size_t __real_ZSTD_freeCCtx(ZSTD_CCtx *context);
ZSTD_DCtx *__real_ZSTD_createDCtx(void);
size_t __real_ZSTD_freeDCtx(ZSTD_DCtx *context);
ZSTD_CCtx *__wrap_ZSTD_createCCtx(void);
size_t __wrap_ZSTD_freeCCtx(ZSTD_CCtx *context);
ZSTD_DCtx *__wrap_ZSTD_createDCtx(void);
size_t __wrap_ZSTD_freeDCtx(ZSTD_DCtx *context);

static ZSTD_CCtx *compressors[POOL];
static ZSTD_DCtx *decompressors[POOL];
static size_t compressors_idle, decompressors_idle;

ZSTD_CCtx *__wrap_ZSTD_createCCtx(void) {
    return compressors_idle ? compressors[--compressors_idle] : __real_ZSTD_createCCtx();
}

size_t __wrap_ZSTD_freeCCtx(ZSTD_CCtx *context) {
    if (!context || compressors_idle == POOL) return __real_ZSTD_freeCCtx(context);
    (void)ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters); /* fails only in a stream */
    compressors[compressors_idle++] = context;
    return 0;
}

ZSTD_DCtx *__wrap_ZSTD_createDCtx(void) {
    return decompressors_idle ? decompressors[--decompressors_idle] : __real_ZSTD_createDCtx();
}

size_t __wrap_ZSTD_freeDCtx(ZSTD_DCtx *context) {
    if (!context || decompressors_idle == POOL) return __real_ZSTD_freeDCtx(context);
    (void)ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters); /* fails only in a stream */
    decompressors[decompressors_idle++] = context;
    return 0;
}
