/* Rows of templates from the journal or the ring to where they are read: into the database by opening and
 * by the tool, as text by dump; from segments before which none is left; and where the template is
 * lost. Journals that processes left hold messages of the logger; the others are forged. */
#include <errno.h>

#include "tool.h"

#include <weir/log.h>

#include "forge.h"
#include "lib/format/row_encode.h"
#include "lib/format/template.h"

enum { MESSAGES = 6, SMALL_SEGMENT = 1 << 20 };

/* The same sites each time; %m is the error at the call. */
static void log_messages(weir *w, int from, int to) {
    for (int i = from; i <= to; i++)
        if (i % 3 == 0) {
            errno = ENOENT;
            weir_log_error(w, "%03d: %m", i);
        } else if (i % 3 == 1) {
            weir_log_warn(w, "%d of \"%s\", %5.1f%%\n", i, "t\xC3\xA9xt", i / 2.0);
        } else {
            weir_log_info(w, "nothing but text");
        }
}

static void open_it(weir **w, const fixture *f, weir_options options) {
    must(weir_open_sqlite(f->database, &options, w), 10);
}

/* Durable, in two blocks, none applied. */
static void leave_messages(const fixture *f) {
    weir *w;
    open_it(&w, f, (weir_options){0});
    lock_database(f->database);
    log_messages(w, 1, 3);
    must(weir_sync(w, WEIR_DURABLE, UINT32_MAX), 15);
    log_messages(w, 4, MESSAGES);
    must(weir_sync(w, WEIR_DURABLE, UINT32_MAX), 15);
    (void)kill(getpid(), SIGKILL);
}

/* Published, and nothing more; among them rows of a table. */
static void leave_messages_in_ring(const fixture *f) {
    weir *w;
    open_it(&w, f, (weir_options){.linger_ms = 600000});
    weir_table *table = declare(w, "t");
    for (int64_t i = 1; i <= MESSAGES; i++) {
        log_messages(w, (int)i, (int)i);
        append(table, i);
    }
    (void)kill(getpid(), SIGKILL);
}

/* The three sites' messages, in order. */
static void assert_messages(const char *database) {
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM log"), MESSAGES);
    assert_int_equal(weir_sql_int(database,
                                  "SELECT count(*) FROM log WHERE level = 'WARN' AND message = "
                                  "printf('%d of \"t\xC3\xA9xt\", %5.1f%%', rowid, rowid / 2.0)"
                                  " || char(10)"),
                     MESSAGES / 3);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM log WHERE level = 'ERROR' AND "
                                            "message = printf('%03d: ', rowid) || "
                                            "'No such file or directory'"),
                     MESSAGES / 3);
    assert_int_equal(weir_sql_int(database,
                                  "SELECT count(*) FROM log WHERE level = 'INFO' AND message = "
                                  "'nothing but text' AND thread > 0 AND time_ns > 1600000000"),
                     MESSAGES / 3);
}

/* ---- into the database ---- */

static void the_tool_makes_messages(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_messages);
    run(f, "verify", f->database, NULL), expect(f, CLEAN);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_messages(f->other);
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_messages(f->database);
    run(f, f->database, NULL), expect(f, CLEAN);
}

static void opening_makes_messages(void **state) {
    fixture *f = *state;
    weir *w;
    in_a_child(f, leave_messages);
    assert_int_equal(weir_open_sqlite(f->database, NULL, &w), WEIR_OK);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, UINT32_MAX), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_messages(f->database);
}

static void a_replay_may_begin_within_messages(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_messages);
    for (int i = 1; i <= MESSAGES; i++) {
        char to[8];
        (void)snprintf(to, sizeof to, "%d", i);
        run(f, "replay", "--into", f->other, "--to", to, f->journal, NULL), expect(f, RECOVERED);
        assert_int_equal(weir_sql_int(f->other, "SELECT count(*) FROM log"), i);
    }
    assert_messages(f->other);
}

/* ---- from the ring ---- */

static void messages_of_a_dead_ring_are_recovered(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_messages_in_ring);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_messages(f->other);
    assert_int_equal(rows_in(f->other), MESSAGES);
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_messages(f->database);
    assert_int_equal(rows_in(f->database), MESSAGES);
}

static void opening_drains_messages(void **state) {
    fixture *f = *state;
    weir *w;
    in_a_child(f, leave_messages_in_ring);
    assert_int_equal(weir_open_sqlite(f->database, NULL, &w), WEIR_OK);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, UINT32_MAX), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_messages(f->database);
    assert_int_equal(rows_in(f->database), MESSAGES);
}

/* ---- over segments ---- */

/* Messages that are applied fill some segments, which leave the journal when it is closed. Those of the
 * next opening, from the same places in the source, are only durable. */
static void leave_many(const fixture *f) {
    weir *w;
    open_it(&w, f, (weir_options){.segment_bytes = SMALL_SEGMENT, .lane_bytes = 1 << 16});
    log_messages(w, 1, MESSAGES);
    weir_table *table = declare(w, "t");
    weir_rng rng = {1};
    append_noise(table, &rng, 1, 200, 20000);
    must(weir_sync(w, WEIR_APPLIED, UINT32_MAX), 15);
    must(weir_close(w), 16);
    open_it(&w, f, (weir_options){.segment_bytes = SMALL_SEGMENT, .lane_bytes = 1 << 16});
    lock_database(f->database);
    log_messages(w, 1, MESSAGES);
    must(weir_sync(w, WEIR_DURABLE, UINT32_MAX), 15);
    (void)kill(getpid(), SIGKILL);
}

/* How many templates the first block of a segment declares. */
static unsigned templates_at_head(const char *segment) {
    size_t bytes;
    unsigned count = 0;
    weir_block_header h;
    weir_payload payload;
    const uint8_t *raw;
    weir_codec *codec;
    uint8_t *content = weir_file_read(segment, &bytes), *room;
    assert_int_equal(weir_block_header_decode(content + WEIR_BLOCK_ALIGN, &h), WEIR_OK);
    assert_int_equal(h.kind, WEIR_BLOCK_DECLARATIONS);
    assert_int_equal(h.incompatible, WEIR_FEATURE_TEMPLATES);
    assert_non_null(room = malloc(h.raw_bytes));
    assert_int_equal(weir_codec_make(1, &codec), WEIR_OK);
    assert_int_equal(
        weir_payload_decode(codec, &h, content + WEIR_BLOCK_ALIGN + WEIR_BLOCK_HEADER, room, &raw),
        WEIR_OK);
    assert_true(weir_payload_parse(raw, h.raw_bytes, &payload));
    for (uint32_t left = weir_take_u32(&payload.body); left > 0; left--) {
        count += weir_declares_template(payload.body);
        assert_int_equal(weir_declaration_check(&payload.body), WEIR_OK);
    }
    weir_codec_free(codec);
    free(room);
    free(content);
    return count;
}

static void the_head_of_each_segment_has_the_templates(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_many);
    assert_null(strstr(first_segment(f), "segment-00000000000000000001"));
    assert_int_equal(templates_at_head(first_segment(f)), 3);
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM log"), 2 * MESSAGES);
    weir_sql_run(f->database, "DELETE FROM log WHERE rowid <= 6; "
                              "UPDATE log SET rowid = rowid - 6");
    assert_messages(f->database);
}

/* ---- as text ---- */

static void dump_writes_messages(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_messages);
    run(f, "dump", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), MESSAGES);
    expect_text(f->out, "\"row\":1,\"table\":\"log\"");
    expect_text(f->out, "\"message\":\"1 of \\\"t\xC3\xA9xt\\\",   0.5%\\n\"");
    expect_text(f->out, "\"message\":\"003: No such file or directory\"");
    expect_text(f->out, "\"level\":\"INFO\"");
    run(f, "dump", "--csv", "--table", "log", "--from", "2", "--limit", "2", f->database, NULL);
    expect(f, CLEAN);
    assert_int_equal(lines(f->out), 3);
    expect_text(f->out, "\"nothing but text\"");
    expect_text(f->out, "\"003: No such file or directory\"");
    run(f, "dump", "--table", "t", f->database, NULL), expect(f, FAILED);
}

/* ---- forged ones ---- */

/* A table of two columns, and a template of it: a constant, and a format of two parameters. */
static size_t put_declarations(uint8_t *at) {
    static const weir_column two[] = {{"kind", WEIR_TEXT}, {"text", WEIR_TEXT}};
    const weir_source sources[] = {
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_text("made")},
        {.kind = WEIR_SOURCE_FORMAT, .bytes = "%d and %s", .length = 9},
    };
    weir_declaration *d;
    assert_int_equal(weir_declaration_make(1, "forged", two, 2, &d, NULL), WEIR_OK);
    uint8_t *p = weir_declaration_encode(weir_put_u32(at, 2), d);
    weir_declaration_free(d);
    return (size_t)(p - at) + weir_template_encode(p, WEIR_TEMPLATE_FIRST, 2, 1, sources, 2);
}

static size_t put_row(uint8_t *at, uint16_t table, const weir_value *values, size_t count) {
    int status = WEIR_OK;
    size_t bytes = weir_row_size(values, count, &status);
    (void)weir_row_encode(weir_put_u32(at, (uint32_t)bytes), table, values, count);
    return 4 + bytes;
}

/* Block 2 declares, in block 3 are a row of the table and one of the template; block 4 is one more row
 * of each. values: how many the row of the template in block 3 has. */
static void forge_templated(forge *f, const fixture *to, size_t values) {
    uint8_t body[1000];
    const weir_value v[] = {weir_int(7), weir_text("text"), weir_null()};
    forge_begin(f);
    weir_temp_remove(f->directory);
    (void)snprintf(f->directory, sizeof f->directory, "%s", to->journal);
    assert_int_equal(mkdir(f->directory, 0700), 0);
    f->features = WEIR_FEATURE_TEMPLATES;
    forge_segment(f, 1);
    (void)forge_body(f, WEIR_BLOCK_DECLARATIONS, 0, body, put_declarations(body));
    for (int i = 0; i < 2; i++) {
        size_t bytes = put_row(body, 1, v + 1, 1);
        bytes += put_row(body + bytes, WEIR_TEMPLATE_FIRST, v, i ? 2 : values);
        (void)forge_body(f, WEIR_BLOCK_ROWS, 2, body, bytes);
    }
    (void)forge_block(f, WEIR_BLOCK_MARK, 0); /* all before it is durable */
    forge_write(f);
}

static void a_forged_journal_is_read(void **state) {
    fixture *f = *state;
    static forge made;
    forge_templated(&made, f, 2);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(weir_sql_int(f->other, "SELECT count(*) FROM forged WHERE kind = 'made' AND "
                                            "text = '7 and text'"),
                     2);
    run(f, "dump", f->journal, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"values\":{\"kind\":\"text\",\"text\":null}"); /* a row of one value */
    expect_text(f->out, "\"row\":2,\"table\":\"forged\"");
    expect_text(f->out, "\"values\":{\"kind\":\"made\",\"text\":\"7 and text\"}");
}

static void a_row_whose_template_is_lost_is_dumped_as_it_is(void **state) {
    fixture *f = *state;
    static forge made;
    forge_templated(&made, f, 2);
    forge_flip(&made, 1, forge_payload_at(&made, 2) + 60);
    run(f, "dump", f->journal, NULL), expect(f, DAMAGE);
    assert_int_equal(lines(f->out), 4);
    expect_text(f->out, "\"row\":2,\"table\":null,\"table_number\":4097,");
    expect_text(f->out, "\"values\":[7,\"text\"]");
    run(f, "dump", "--csv", f->journal, NULL), expect(f, DAMAGE);
    expect_text(f->err, "row 2 has no declaration: dump it as NDJSON");
}

static void a_row_with_more_values_than_parameters_stops_replay(void **state) {
    fixture *f = *state;
    static forge made;
    forge_templated(&made, f, 3);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, DAMAGE);
    expect_text(f->err, "row 2 (block 3) is not valid, or the journal never declared what it is a "
                        "row of");
    run(f, "dump", f->journal, NULL), expect(f, CLEAN); /* with what it has */
    expect_text(f->out, "\"row\":2,\"table\":null,\"table_number\":4097,");
    expect_text(f->out, "\"values\":[7,\"text\",null]");
    expect_text(f->out, "\"row\":4,\"table\":\"forged\"");
}

/* The bit is what old readers go by: a block that lacks it has no templates for any reader. */
static void without_its_feature_a_template_is_not_valid(void **state) {
    fixture *f = *state;
    static forge made;
    forge_templated(&made, f, 2);
    weir_block_header h = made.blocks[4];
    h.incompatible = 0;
    weir_block_header_encode(made.bytes + h.offset, &h);
    weir_block_header mark = made.blocks[5];
    mark.previous_hash = h.hash;
    weir_block_header_encode(made.bytes + mark.offset, &mark);
    forge_write(&made);
    run(f, "dump", f->journal, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"row\":2,\"table\":\"forged\"");
    expect_text(f->out, "\"row\":4,\"table\":null,\"table_number\":4097,");
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, DAMAGE);
    expect_text(f->err, "row 4 (block 4)");
    h = made.blocks[2];
    h.incompatible = 0;
    weir_block_header_encode(made.bytes + h.offset, &h);
    forge_write(&made);
    run(f, "verify", f->journal, NULL), expect(f, DAMAGE);
    expect_text(f->out, "at byte 8192: the payload does not hold what its header says");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(the_tool_makes_messages),
        TEST(opening_makes_messages),
        TEST(a_replay_may_begin_within_messages),
        TEST(messages_of_a_dead_ring_are_recovered),
        TEST(opening_drains_messages),
        TEST(the_head_of_each_segment_has_the_templates),
        TEST(dump_writes_messages),
        TEST(a_forged_journal_is_read),
        TEST(a_row_whose_template_is_lost_is_dumped_as_it_is),
        TEST(a_row_with_more_values_than_parameters_stops_replay),
        TEST(without_its_feature_a_template_is_not_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
