/* report_backup.c - what a backup says of itself. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/base/shell_word.h"
#include "../json.h"
#include "../report.h"
#include "backup.h"

static const char *const integrity_names[] = {[WEIR_INTEGRITY_NONE] = "none",
                                              [WEIR_INTEGRITY_QUICK] = "quick",
                                              [WEIR_INTEGRITY_FULL] = "full"};

static uint64_t rows_in_journal(const weir_backup *b) {
    uint64_t applied = weir_backup_position(b)->row;
    return b->end.row > applied ? b->end.row - applied : 0;
}

static uint64_t rows_left_in_ring(const weir_backup *b) {
    return b->look.ring.rows + b->look.ring.recorded;
}

static void write_json(const weir_backup *b, FILE *out) {
    weir_json json = weir_json_begin(out, "backup");
    weir_json_bool(&json, "dry_run", b->arguments->dry_run);
    weir_json_text(&json, "database", b->place->database);
    weir_json_text(&json, "to", b->part.to);
    if (b->place->journal_is_there) {
        weir_json_hex(&json, "journal_id", b->look.inventory.journal, sizeof(weir_id));
        weir_json_uint(&json, "row", b->end.row);
        weir_json_uint(&json, "applied", weir_backup_position(b)->row);
        weir_json_uint(&json, "waiting", rows_in_journal(b));
        weir_json_uint(&json, "left_in_ring", rows_left_in_ring(b));
        weir_json_uint(&json, "journal_bytes", b->journal_bytes);
    }
    weir_json_uint(&json, "database_bytes", b->source.bytes);
    weir_json_uint(&json, "rejected", b->source.view.rejects);
    weir_json_time(&json, "moment", b->moment_ns);
    weir_json_text(&json, "integrity_check", integrity_names[b->integrity]);
    weir_json_end(&json);
}

static void write_words(const weir_backup *b) {
    char moment[WEIR_TIME_TEXT];
    const char *name = strrchr(b->place->database, '/');
    printf("%s: %s %s", b->part.to, b->arguments->dry_run ? "would have" : "has",
           name ? name + 1 : b->place->database);
    if (b->place->journal_is_there) printf(" with every row up to %" PRIu64, b->end.row);
    printf(", as of %s\n", weir_time_text(b->moment_ns, moment));
    printf("  database  %" PRIu64 " bytes, integrity_check: %s\n", b->source.bytes,
           integrity_names[b->integrity]);
    if (!b->place->journal_is_there) return;
    printf("  rows      %" PRIu64 " applied, %" PRIu64 " waiting in the journal",
           weir_backup_position(b)->row, rows_in_journal(b));
    if (b->source.view.rejects) printf(", %" PRIu64 " in the reject table", b->source.view.rejects);
    printf("\n  journal   %" PRIu64 " bytes%s\n", b->journal_bytes,
           b->arguments->dry_run ? " at most" : "");
}

/* In a ring rows survive the process, but not a power cut, and they have no numbers yet. */
static void note_ring_rows(const weir_backup *b) {
    if (rows_left_in_ring(b) == 0 || !b->place->journal_is_there) return;
    if (b->holder.is_there)
        weir_report_note("%" PRIu64 " rows were not durable yet at that moment and are not in the "
                         "backup",
                         rows_left_in_ring(b));
    else
        weir_report_note("%" PRIu64 " rows are in the ring of a dead process and are not in the "
                         "backup; recover first, to have them in it (weir-recover %s)",
                         rows_left_in_ring(b),
                         weir_shell_quote(b->place->database, WEIR_SHELL_WORD_BYTES).text);
}

void weir_backup_report(const weir_backup *backup) {
    if (backup->arguments->json)
        write_json(backup, stdout);
    else
        write_words(backup);
    note_ring_rows(backup);
}

int weir_backup_write_manifest(const weir_backup *backup, weir_error *error) {
    char *path = weir_backup_part_path(&backup->part, "weir-backup.json");
    FILE *file = path ? fopen(path, "wxe") : NULL;
    int failed = path ? errno : ENOMEM;
    if (file) {
        write_json(backup, file);
        failed = fflush(file) != 0 || ferror(file) || fsync(fileno(file)) != 0 ? errno : 0;
        if (fclose(file) != 0 && !failed) failed = errno;
    }
    int status = failed ? weir_fail_os(error, -(int64_t)failed, "cannot write %s",
                                       path ? path : "weir-backup.json")
                        : WEIR_OK;
    free(path);
    return status;
}
