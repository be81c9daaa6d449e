/* undo.c - rows that salvage had to leave out, brought in from better copies of their segments. */
#include "undo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../writer/sqlite/sqlite_sink.h"
#include "aside.h"
#include "check_database.h"
#include "exits.h"
#include "extensions.h"
#include "json.h"
#include "loss.h"
#include "loss_file.h"
#include "patience.h"
#include "report.h"
#include "undo_rows.h"

typedef struct undoing {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_archive archive;
    weir_database_view database;
    weir_losses losses; /* of the database that can be mended at all; ascending, disjoint */
    uint64_t rows;      /* brought in, or that would be */
    size_t left;        /* losses that stay */
} undoing;

/* ---- which gaps ------------------------------------------------------------------------ */

static int order_of_losses(const void *a, const void *b) {
    const weir_loss *x = a, *y = b;
    int journals = memcmp(x->journal, y->journal, sizeof x->journal);
    if (journals) return journals;
    return x->first_row < y->first_row ? -1 : x->first_row > y->first_row;
}

/* Two looks at one damage may have been recorded, and no row may come twice. */
static void merge_losses(weir_losses *losses) {
    size_t kept = 0;
    if (losses->count) qsort(losses->list, losses->count, sizeof *losses->list, order_of_losses);
    for (size_t i = 0; i < losses->count; i++) {
        weir_loss *last = kept ? &losses->list[kept - 1] : NULL, *next = &losses->list[i];
        bool meets = last && weir_id_equal(last->journal, next->journal) &&
                     next->first_row <= last->last_row;
        if (!meets) {
            losses->list[kept++] = *next;
            continue;
        }
        if (next->last_row > last->last_row) last->last_row = next->last_row;
        if (next->last_segment < last->last_segment) last->last_segment = next->last_segment;
    }
    losses->count = kept;
}

static void say_left(undoing *u, const weir_loss *loss, const char *why) {
    u->left++;
    if (u->arguments->json) {
        weir_json json = weir_json_begin(stdout, "still_lost");
        weir_json_text(&json, "database", u->place->database);
        if (loss->first_row) {
            weir_json_uint(&json, "first_row", loss->first_row);
            weir_json_uint(&json, "last_row", loss->last_row);
        }
        weir_json_text(&json, "text", why);
        weir_json_end(&json);
    }
    if (loss->first_row)
        weir_report_note("rows %" PRIu64 " to %" PRIu64 " stay lost: %s", loss->first_row,
                         loss->last_row, why);
    else
        weir_report_note("an unknown number of rows stays lost (%s): %s", loss->why, why);
}

static int choose_loss(undoing *u, const weir_loss *loss) {
    if (!loss->in_database) return WEIR_OK;
    if (loss->first_row == 0)
        say_left(u, loss, "without their numbers nobody can tell them from others");
    else if (loss->last_segment == 0)
        say_left(u, loss, "the journal's file losses does not say where they stood");
    else
        return weir_losses_add(&u->losses, loss);
    return WEIR_OK;
}

static int choose_losses(undoing *u, weir_error *error) {
    weir_losses in_file;
    int status = weir_loss_file_read(u->place->os, u->place->directory, &in_file, error);
    if (status != WEIR_OK) return status;
    weir_losses *all = &u->database.losses;
    bool enough = weir_losses_join(all, &in_file) == WEIR_OK;
    weir_losses_free(&in_file);
    for (size_t i = 0; enough && i < all->count; i++)
        enough = choose_loss(u, &all->list[i]) == WEIR_OK;
    if (!enough) return weir_fail(error, WEIR_NO_MEMORY, "no memory for the list of lost rows");
    merge_losses(&u->losses);
    if (u->losses.count || u->left) return WEIR_OK;
    return weir_fail(error, WEIR_NOT_FOUND,
                     "%s: its table weir_loss names no lost rows, so there is nothing to undo",
                     u->place->database);
}

/* ---- one gap --------------------------------------------------------------------------- */

/* The database must have come past the gap, or plain recovery would apply its rows too. */
static bool has_passed(const undoing *u, const weir_loss *loss) {
    for (size_t i = 0; i < u->database.count; i++) {
        const weir_position *p = &u->database.positions[i];
        if (weir_id_equal(p->journal, loss->journal)) return p->row >= loss->last_row;
    }
    return false;
}

static int forget_loss(const undoing *u, const weir_loss *loss, weir_error *error) {
    const weir_arguments *a = u->arguments;
    weir_losses found = {0};
    for (size_t i = 0; i < u->database.losses.count; i++) {
        const weir_loss *one = &u->database.losses.list[i];
        bool within = one->in_database && weir_id_equal(one->journal, loss->journal) &&
                      one->first_row >= loss->first_row && one->last_row <= loss->last_row;
        if (within && weir_losses_add(&found, one) != WEIR_OK) {
            weir_losses_free(&found);
            return weir_fail(error, WEIR_NO_MEMORY, "no memory for the list of lost rows");
        }
    }
    int status = weir_losses_forget(u->place->database, loss, a->wait_s, error);
    if (status == WEIR_OK)
        status = weir_loss_file_append(u->place->os, u->place->directory, WEIR_LOSS_FOUND,
                                       loss->journal, &found, error);
    weir_losses_free(&found);
    return status;
}

static void report_mended(const undoing *u, const weir_loss *loss, uint64_t rows) {
    bool dry = u->arguments->dry_run;
    if (u->arguments->json) {
        weir_json json = weir_json_begin(stdout, dry ? "would_undo" : "undone");
        weir_json_text(&json, "database", u->place->database);
        weir_json_uint(&json, "first_row", loss->first_row);
        weir_json_uint(&json, "last_row", loss->last_row);
        weir_json_uint(&json, "rows", rows);
        weir_json_end(&json);
    } else {
        printf("%s: rows %" PRIu64 " to %" PRIu64 " %s\n", u->place->database, loss->first_row,
               loss->last_row,
               dry ? "would be brought in; nothing was changed" : "were lost, and are in it now");
    }
}

static int bring_in(const undoing *u, weir_undo_rows *gap, weir_error *error) {
    weir_sqlite_config config = {.path = u->place->database,
                                 .must_exist = true,
                                 .busy_timeout_ms = weir_patience_ms(u->arguments->wait_s),
                                 .program = weir_extensions_options(u->arguments),
                                 .os = u->place->os};
    weir_sink sink;
    int status = weir_sqlite_sink_open(&config, &sink, NULL, error);
    if (status != WEIR_OK) return status;
    status = weir_undo_apply(gap, &sink, error);
    sink.close(sink.self);
    return status;
}

static int mend_loss(undoing *u, const weir_loss *loss, weir_error *error) {
    weir_undo_rows gap;
    weir_aside aside;
    if (!has_passed(u, loss)) {
        say_left(u, loss, "the database has not come past them");
        return WEIR_OK;
    }
    weir_aside_open(&u->archive, loss->last_segment, &aside);
    int status = weir_undo_read(&aside, loss, &gap, error);
    if (status == WEIR_OK && gap.missing) {
        char why[480];
        say_left(u, loss, weir_undo_why(&gap, why, sizeof why));
    } else if (status == WEIR_OK) {
        if (!u->arguments->dry_run) status = bring_in(u, &gap, error);
        if (status == WEIR_OK && !u->arguments->dry_run) status = forget_loss(u, loss, error);
        if (status == WEIR_OK) {
            u->rows += gap.rows;
            report_mended(u, loss, gap.rows);
            if (!u->arguments->dry_run) weir_undo_file_away(&gap, u->place, loss->last_segment);
        }
    }
    weir_undo_free(&gap);
    return status;
}

/* ---- the verb -------------------------------------------------------------------------- */

static int undo_all(undoing *u, weir_error *error) {
    int status = choose_losses(u, error);
    for (size_t i = 0; status == WEIR_OK && i < u->losses.count; i++)
        status = mend_loss(u, &u->losses.list[i], error);
    if (status != WEIR_OK) return weir_report_error(u->arguments, error);
    if (u->left) return WEIR_EXIT_DAMAGE;
    return u->rows ? WEIR_EXIT_RECOVERED : WEIR_EXIT_CLEAN;
}

static int undo_after_look(undoing *u, weir_error *error) {
    int status = weir_database_look(u->place->database, &u->database);
    if (status != WEIR_OK) {
        (void)weir_fail(error, status, "no memory to read %s", u->place->database);
    } else if (u->database.state != WEIR_DATABASE_READ) {
        bool absent = u->database.state == WEIR_DATABASE_ABSENT;
        (void)weir_fail(error, absent ? WEIR_NOT_FOUND : WEIR_DATABASE, "%s: %s",
                        u->place->database, absent ? "there is no database" : u->database.why);
    }
    int code = error->status ? weir_report_error(u->arguments, error) : undo_all(u, error);
    weir_losses_free(&u->losses);
    weir_database_free(&u->database);
    if (u->arguments->dry_run) return code;
    return weir_check_database(u->arguments, u->place->database, code);
}

int weir_run_undo(const weir_arguments *arguments, const weir_place *place) {
    undoing u = {.arguments = arguments, .place = place};
    weir_error error = {0};
    int status = WEIR_OK;
    if (!place->journal_is_there)
        status = weir_fail(&error, WEIR_NOT_FOUND, "there is no journal at %s", place->directory);
    if (status == WEIR_OK) status = weir_place_check_owner(place, &error);
    if (status == WEIR_OK && weir_archive_open(place->os, place->directory, &u.archive) != WEIR_OK)
        status = weir_fail(&error, WEIR_NO_MEMORY, "no memory to read %s", place->directory);
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    int code = undo_after_look(&u, &error);
    weir_archive_close(&u.archive);
    return code;
}
