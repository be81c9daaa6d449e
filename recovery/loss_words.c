/* loss_words.c - recorded losses, as words or as JSON objects. */
#include "loss_words.h"

#include <inttypes.h>
#include <stdio.h>

#include "json.h"

static void json_loss(const weir_loss *loss) {
    weir_json json = weir_json_begin(stdout, "loss");
    if (loss->first_row) {
        weir_json_uint(&json, "first_row", loss->first_row);
        weir_json_uint(&json, "last_row", loss->last_row);
    } else {
        weir_json_null(&json, "first_row");
        weir_json_null(&json, "last_row");
    }
    weir_json_text(&json, "why", loss->why);
    weir_json_text(&json, "noted", loss->noted);
    weir_json_hex(&json, "journal_id", loss->journal, sizeof(weir_id));
    weir_json_bool(&json, "in_database", loss->in_database);
    weir_json_bool(&json, "in_file", loss->in_file);
    weir_json_end(&json);
}

static void word_loss(const weir_loss *loss) {
    printf("  lost      ");
    if (loss->first_row)
        printf("rows %" PRIu64 " to %" PRIu64, loss->first_row, loss->last_row);
    else
        printf("an unknown number of rows");
    printf(" (%s, %s%s): %s\n", loss->in_database ? "table weir_loss" : "the journal's file losses",
           loss->noted, loss->in_database && loss->in_file ? "; the journal's file losses" : "",
           loss->why);
}

/* Rows that were lost earlier: this look did not find them, but they are still lost. */
void weir_report_losses(const weir_arguments *arguments, const weir_losses *losses) {
    for (size_t i = 0; i < losses->count; i++) {
        if (arguments->json)
            json_loss(&losses->list[i]);
        else
            word_loss(&losses->list[i]);
    }
}
