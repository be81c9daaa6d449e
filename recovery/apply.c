/* apply.c - replay a journal into a database until nothing is left. */
#include "apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "deadring.h"
#include "json.h"
#include "patience.h"
#include "progress.h"
#include "report.h"
#include "stop.h"

enum { NAP_NS = 20000000 };

static bool may_pass(int status) {
    return status == WEIR_BUSY || status == WEIR_IO || status == WEIR_NO_SPACE ||
           status == WEIR_NO_MEMORY;
}

static void nap(void) {
    struct timespec time = {0, NAP_NS};
    (void)nanosleep(&time, NULL); /* a signal may end it early */
}

static const char *why_passed(uint64_t rows, uint64_t late) {
    if (late == 0) return "missing or damaged in what was replayed";
    return late < rows ? "missing or damaged, or written after the moment"
                       : "written after the moment that was asked for";
}

static int add_passed(weir_applied *out, const weir_replay_result *step) {
    weir_row_range range = step->passed;
    if (range.first == 0) return WEIR_OK;
    weir_loss loss = {.first_row = range.first, .last_row = range.last};
    const char *why = why_passed(range.last - range.first + 1, step->passed_late);
    (void)snprintf(loss.why, sizeof loss.why, "%s", why); /* it fits */
    out->late += step->passed_late;
    return weir_losses_add(&out->passed, &loss);
}

static void add_up(weir_applied *out, const weir_replay_result *step) {
    out->rows += step->counts.rows;
    out->rejected += step->counts.rejected;
    out->ignored += step->counts.ignored;
    out->position = step->position;
}

static int end_early(weir_progress *progress, const weir_applied *out, weir_error *error) {
    weir_progress_end(progress);
    return weir_fail(error, WEIR_BUSY,
                     "stopped by a signal after row %" PRIu64 ": run it again to go on",
                     out->position.row);
}

/* Of a server one wants to know why it stands still; of a database that another program locks, the end
 * says it. */
static void tell_waiting(const weir_apply_input *input, weir_progress *progress, bool *told,
                         const weir_error *error) {
    if (!input->sink->remote || *told) return;
    weir_progress_end(progress);
    weir_report_note("%s; it is tried again, for up to %u s without progress", error->text,
                     (unsigned)input->wait_s);
    *told = true;
}

static void tell_move(const weir_replay_move *move) {
    if (!move->is) return;
    weir_report_note("the server's position moved by itself, from row %" PRIu64 " to row %" PRIu64
                     ": going on there",
                     move->from.row, move->to.row);
}

static int apply_steps(const weir_apply_input *input, weir_replay *replay, weir_applied *out,
                       weir_error *error) {
    weir_progress progress = weir_progress_start("rows applied");
    weir_patience patience = weir_patience_start(input->os, input->wait_s);
    weir_replay_result step;
    bool told = false;
    int status;
    weir_stop_watch();
    while ((status = weir_replay_step(replay, &input->limits, &step, error)) != WEIR_PENDING) {
        if (status == WEIR_OK) {
            told = false;
            tell_move(&step.moved);
            add_up(out, &step);
            status = add_passed(out, &step);
            if (status != WEIR_OK) return weir_fail(error, status, "no memory for a list of rows");
            weir_progress_show(&progress, out->rows, input->rows_expected);
            if (weir_stop_signal()) return end_early(&progress, out, error);
        } else if (may_pass(status) && weir_patience_lasts(&patience, out->rows)) {
            if (!weir_stop_signal()) tell_waiting(input, &progress, &told, error);
            nap();
            if (weir_stop_signal()) return end_early(&progress, out, error);
        } else {
            break;
        }
    }
    weir_progress_end(&progress);
    return status == WEIR_PENDING ? WEIR_OK : status;
}

/* Readers of the database may keep the checkpoint from completing for a while. */
static int checkpoint_all(const weir_apply_input *input, weir_applied *out, weir_error *error) {
    weir_patience patience = weir_patience_start(input->os, input->wait_s);
    uint64_t block = out->position.block;
    int status;
    while (block > 0) {
        status = input->sink->checkpoint(input->sink->self, block, &out->safe_block, error);
        if (status == WEIR_OK && out->safe_block >= block) break;
        if (status == WEIR_SINK_REOPENED)
            return weir_fail(error, WEIR_IO, "the database lost its -wal file; recover again");
        if (status != WEIR_OK && !may_pass(status)) return status;
        if (!weir_patience_lasts(&patience, out->safe_block)) return status;
        nap();
    }
    return WEIR_OK;
}

/* A server's position may move by itself meanwhile; then there may be rows to apply again. One failure
 * is none: the answer to a commit may be lost. */
static int settle_position(const weir_apply_input *input, weir_replay *replay, weir_applied *out,
                           weir_error *error) {
    weir_patience patience = weir_patience_start(input->os, input->wait_s);
    weir_replay_result step;
    for (bool first = true;; first = false) {
        int status = weir_replay_settle(replay, &step, error);
        if (status == WEIR_OK) out->position = step.position;
        if (status == WEIR_OK && !step.moved.is) return status;
        bool waits = may_pass(status) && (first || weir_patience_lasts(&patience, out->rows));
        if (status != WEIR_OK && !waits) return status;
        if (waits) nap();
        if (error) *error = (weir_error){0};
        status = apply_steps(input, replay, out, error);
        if (status != WEIR_OK) return status;
    }
}

int weir_apply_all(const weir_apply_input *input, weir_applied *out, weir_error *error) {
    weir_replay *replay;
    *out = (weir_applied){.position = input->start};
    int status = weir_replay_make(input->os, input->locator, input->journal, input->sink,
                                  input->at_damage, &replay);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to replay a journal");
    weir_stop_hurry(input->os, input->sink);
    status = apply_steps(input, replay, out, error);
    if (status == WEIR_OK && input->ring) status = weir_apply_ring(input, out, error);
    if (status == WEIR_OK && input->settle) status = settle_position(input, replay, out, error);
    weir_replay_free(replay);
    if (status == WEIR_OK) status = checkpoint_all(input, out, error);
    weir_stop_hurry(NULL, NULL);
    return status;
}

void weir_report_applied(const weir_arguments *arguments, const char *type, const char *database,
                         const weir_applied *applied, uint64_t lost) {
    if (arguments->json) {
        weir_json json = weir_json_begin(stdout, type);
        weir_json_text(&json, "database", database);
        weir_json_uint(&json, "rows", applied->rows);
        weir_json_uint(&json, "rejected", applied->rejected);
        weir_json_uint(&json, "ignored", applied->ignored);
        weir_json_uint(&json, "last_row", applied->position.row);
        weir_json_uint(&json, "lost", lost);
        weir_json_end(&json);
        return;
    }
    printf("%s: %" PRIu64 " rows %s", database, applied->rows, type);
    if (applied->position.row) printf(", up to row %" PRIu64, applied->position.row);
    if (applied->rejected) printf("; %" PRIu64 " of them are in weir_reject", applied->rejected);
    if (applied->ignored)
        printf("; %" PRIu64 " of them were ignored by their table", applied->ignored);
    if (lost) printf("; %" PRIu64 " rows are lost", lost);
    putchar('\n');
}
