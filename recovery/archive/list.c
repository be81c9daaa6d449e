/* list.c - the verb archive list: what is in the archive, a line for each file. */
#include <inttypes.h>
#include <stdio.h>

#include "../archive_files.h"
#include "../exits.h"
#include "../json.h"
#include "../report.h"
#include "../verbs.h"

static const char *kind_word(weir_archived_kind kind) {
    return kind == WEIR_ARCHIVED_PLAIN ? "plain" : "packed";
}

static void list_in_json(const weir_archived_file *file) {
    weir_json json = weir_json_begin(stdout, "archived");
    weir_json_text(&json, "file", weir_archived_name(file));
    weir_json_uint(&json, "segment", file->number);
    weir_json_text(&json, "kind", kind_word(file->kind));
    weir_json_uint(&json, "bytes", file->bytes);
    weir_json_hex(&json, "journal", file->header.journal, sizeof file->header.journal);
    weir_json_uint(&json, "first_block", file->first_block);
    weir_json_uint(&json, "last_block", file->last_block);
    weir_json_uint(&json, "first_row", file->first_row);
    weir_json_uint(&json, "last_row", file->last_row);
    weir_json_uint(&json, "rows", weir_archived_rows(file));
    if (file->last_wall_ns) {
        weir_json_time(&json, "first_time", file->first_wall_ns);
        weir_json_time(&json, "last_time", file->last_wall_ns);
    }
    weir_json_bool(&json, "void", file->is_void);
    weir_json_bool(&json, "readable", file->status == WEIR_OK);
    weir_json_text(&json, "why", file->why);
    weir_json_end(&json);
}

/* 75 columns. */
static void list_in_words(const weir_archived_file *file) {
    char rows[48] = "-", time[WEIR_TIME_TEXT] = "-";
    if (weir_archived_rows(file))
        (void)snprintf(rows, sizeof rows, "%" PRIu64 " to %" PRIu64, file->first_row,
                       file->last_row);
    if (file->last_wall_ns) (void)weir_time_text(file->last_wall_ns, time);
    printf("%8" PRIu64 "  %-6s  %-24s  %12" PRIu64 "  %.19s\n", file->number, kind_word(file->kind),
           rows, file->bytes, time);
    if (file->is_void) printf("          void: nothing in it counts\n");
    if (file->why) printf("          damaged: %s\n", file->why);
}

static void sum_up_archive(const weir_archived_files *list, bool json, uint64_t rows,
                           uint64_t damaged) {
    if (json) {
        weir_json line = weir_json_begin(stdout, "archive");
        weir_json_uint(&line, "files", list->count);
        weir_json_uint(&line, "rows", rows);
        weir_json_uint(&line, "bytes", list->bytes);
        weir_json_uint(&line, "damaged", damaged);
        weir_json_end(&line);
        return;
    }
    printf("%zu files, %" PRIu64 " rows, %" PRIu64 " bytes", list->count, rows, list->bytes);
    if (damaged) printf(", %" PRIu64 " damaged: weir verify --archive names the rows", damaged);
    putchar('\n');
}

int weir_run_archive_list(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    weir_archived_files list;
    uint64_t rows = 0, damaged = 0;
    if (weir_archived_files_take(place->os, place->directory, &list, &error) != WEIR_OK)
        return weir_report_error(arguments, &error);
    if (!arguments->json && list.count)
        printf(" segment  kind    rows                             bytes  last written (UTC)\n");
    for (size_t i = 0; i < list.count; i++) {
        const weir_archived_file *file = &list.files[i];
        rows += weir_archived_rows(file);
        damaged += file->status != WEIR_OK;
        if (arguments->json)
            list_in_json(file);
        else
            list_in_words(file);
    }
    sum_up_archive(&list, arguments->json, rows, damaged);
    weir_archived_files_free(&list);
    return damaged ? WEIR_EXIT_DAMAGE : WEIR_EXIT_CLEAN;
}
