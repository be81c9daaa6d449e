/* test_json.c - what the tool writes with --json is what docs/json/weir.schema.json says: every verb, on
 * journals in every state; a type that the schema lacks, or that no test has seen, is a failure.
 *
 * The tool's output is kept in a file (keep_json in tool.h), which check_json.py compares. Objects of a
 * store are those of test_archive_store. */
/* Covers: recovery/json.c, recovery/report.c, recovery/loss_words.c */
#include "forge.h"
#include "lib/journal/sinks.h"
#include "lib/verify/sink_files.h"
#include "tool.h"

#include "crash.h" /* last: names of its own hide those of parameters before */

static char kept[300];

static void keep_file(const char *path) {
    char command[700];
    (void)snprintf(command, sizeof command, "cat '%s' >>'%s'", path, kept);
    assert_int_equal(system(command), 0);
}

/* Of a verb that may find anything; what it answers is for other tests. */
#define JSON(f, ...) (void)run((f), __VA_ARGS__, "--json", NULL)

static void look_at(fixture *f, const char *what) {
    JSON(f, "status", what);
    JSON(f, "verify", what, "--archive");
    JSON(f, "status", "--check", "--min-free", "999999999999999", what);
    JSON(f, "watch", "--count", "1", what);
    JSON(f, "dump", "--cursor", what);
    JSON(f, "dump", "--ring", "--limit", "100", what);
    JSON(f, "readers", "list", what);
    JSON(f, "recover", "--dry-run", what);
    JSON(f, "replay", "--dry-run", "--into", f->other, what);
    JSON(f, "archive", "list", what);
    JSON(f, "rejects", "list", what);
    char *page = strdup(weir_temp_path(f->directory, "page.html"));
    JSON(f, "report", "-o", page, what);
    free(page);
}

static void living(void **state) {
    fixture *f = *state;
    int ready[2], over[2], status;
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(over), 0);
    pid_t child = fork();
    if (child == 0) {
        close(over[1]);
        stay_open(f, ready[1], over[0]);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    look_at(f, f->database);
    JSON(f, "recover", f->database), expect(f, FAILED); /* it is open */
    expect_text(f->out, "{\"type\":\"error\",\"status\":\"WEIR_");
    close(over[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    look_at(f, f->database);
}

static void killed(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    JSON(f, "dump", "--reader", "tail", f->database);
    look_at(f, f->database);
    weir_file_write(weir_temp_path(f->journal, "readers/broken"), "x", 1);
    look_at(f, f->journal);
    JSON(f, "readers", "forget", f->database, "tail"), expect(f, CLEAN);
    char *copy = strdup(weir_temp_path(f->directory, "copy"));
    JSON(f, "backup", "--dry-run", f->database, copy), expect(f, CLEAN);
    JSON(f, "backup", f->database, copy), expect(f, CLEAN);
    keep_file(weir_temp_path(copy, "weir-backup.json"));
    free(copy);
    JSON(f, "recover", "--integrity", "full", f->database), expect(f, RECOVERED);
    JSON(f, "replay", "--into", f->other, f->journal);
    look_at(f, f->database);
    char *elsewhere = strdup(weir_temp_path(f->directory, "elsewhere"));
    assert_int_equal(rename(f->journal, elsewhere), 0);
    JSON(f, "recover", "--journal", elsewhere, f->database), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"event\",\"event\":\"JOURNAL\",");
    free(elsewhere);
}

/* Two records of this journal, one of another, and one that is broken. */
static void with_sinks(void **state) {
    fixture *f = *state;
    weir_error error = {0};
    size_t bytes;
    in_a_child(f, leave_closed);
    uint8_t *segment = weir_file_read(first_segment(f), &bytes);
    weir_segment_header header;
    assert_int_equal(weir_segment_header_decode(segment, &header), WEIR_OK);
    free(segment);
    weir_sink_record record = {.name = "central", .kind = "postgresql", .begin = 1};
    memcpy(record.safe.journal, header.journal, sizeof(weir_id));
    for (int i = 0; i < 3; i++) {
        (void)snprintf(record.name, sizeof record.name, "central-%d", i);
        record.state = i == 1 ? WEIR_SINK_DETACHED : WEIR_SINK_ATTACHED;
        record.safe.journal[0] ^= i == 2;
        assert_int_equal(
            weir_sink_record_write(weir_os_posix(), WEIR_OS_CWD, f->journal, &record, &error),
            WEIR_OK);
    }
    weir_file_write(weir_temp_path(f->journal, "sinks/broken"), "x", 1);
    look_at(f, f->database);
    expect_text((JSON(f, "status", "--check", f->database), f->out), "\"what\":\"SINK\",");
    JSON(f, "forget", f->database), expect(f, DAMAGE);
}

static void every_value(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_values);
    look_at(f, f->database);
}

static void damaged_and_mended(void **state) {
    fixture *f = *state;
    char path[600], sound[300];
    in_a_child(f, leave_durable);
    (void)snprintf(path, sizeof path, "%s", first_segment(f));
    (void)snprintf(sound, sizeof sound, "%s/sound", f->directory);
    weir_file_copy_tree(path, sound);
    patch(path, offset_of_row(path, 2 * ROWS_OF_GROUP + 1) + WEIR_BLOCK_HEADER + 8, "rotten", 6);
    look_at(f, f->database);
    JSON(f, "recover", f->database), expect(f, DAMAGE);
    expect_text(f->out, "{\"type\":\"damage\",");
    JSON(f, "dump", f->database), expect(f, DAMAGE);
    expect_text(f->out, "{\"type\":\"lost\",\"first_row\":21,\"last_row\":30,");
    JSON(f, "salvage", "--dry-run", "--to", f->other, f->database), expect(f, DAMAGE);
    JSON(f, "salvage", "--to", f->other, f->database), expect(f, DAMAGE);
    expect_text(f->out, "{\"type\":\"unread\",");
    char *list = NULL;
    assert_true(asprintf(&list, "%s-salvage.json", f->other) > 0);
    keep_file(list);
    free(list);
    JSON(f, "salvage", "--dry-run", f->database), expect(f, DAMAGE);
    JSON(f, "salvage", f->database), expect(f, DAMAGE);
    look_at(f, f->database);
    JSON(f, "aside", "list", f->database), expect(f, CLEAN);
    expect_text(f->out, "\"needed\":true");
    JSON(f, "aside", "drop", "--all", "--dry-run", f->database), expect(f, CLEAN);
    JSON(f, "aside", "drop", f->database), expect_text(f->out, "{\"type\":\"not_dropped\",");
    JSON(f, "salvage", "--undo", f->database), expect(f, DAMAGE);
    assert_int_equal(rename(sound, path), 0);
    JSON(f, "salvage", "--undo", "--dry-run", f->database), expect(f, RECOVERED);
    JSON(f, "salvage", "--undo", f->database), expect(f, RECOVERED);
    keep_file(weir_temp_path(f->journal, "losses"));
    JSON(f, "aside", "drop", "--all", f->database), expect(f, CLEAN);
}

static void a_torn_tail(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    const char *path = first_segment(f);
    patch(path, offset_of_row(path, ROWS - ROWS_OF_GROUP + 1) + WEIR_BLOCK_HEADER + 8, "torn", 4);
    (void)unlink(weir_temp_path(f->journal, "ring"));
    look_at(f, f->database);
    JSON(f, "recover", f->database);
    JSON(f, "salvage", f->database);
}

static void forgotten_and_gone(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied);
    JSON(f, "forget", f->database), expect(f, DAMAGE);
    JSON(f, "forget", "--yes", "--dry-run", f->database), expect(f, CLEAN);
    JSON(f, "forget", "--yes", f->database), expect(f, CLEAN);
    look_at(f, f->database);
    forget_database(f);
    in_a_child(f, leave_half_applied);
    look_at(f, f->database);
    weir_temp_remove(f->journal);
    look_at(f, f->database);
    JSON(f, "recover", f->database), expect(f, DAMAGE);
    JSON(f, "backup", f->database, weir_temp_path(f->directory, "copy"));
    in_a_child(f, leave_closed);
    look_at(f, f->database);
    expect_text((JSON(f, "status", f->database), f->out), "{\"type\":\"gone\",");
    forget_database(f);
    look_at(f, f->database);
}

static const weir_column named[] = {{"id", WEIR_INTEGER}, {"name", WEIR_TEXT}};

static void leave_refused(const fixture *f) {
    weir_table *table;
    weir *here = open_here(f, NULL);
    must(weir_declare(here, "refuses", named, 2, &table), 11);
    for (int64_t id = 1; id <= 10; id++)
        must(weir_append(table, weir_int(id), weir_text("it's one")), 12);
    reach(here, WEIR_APPLIED);
    must(weir_close(here), 16);
}

static void refused(void **state) {
    fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE refuses(id INTEGER CHECK (id < 0), name TEXT)");
    in_a_child(f, leave_refused);
    look_at(f, f->database);
    JSON(f, "rejects", "retry", "--dry-run", f->database);
    JSON(f, "rejects", "retry", f->database);
    JSON(f, "rejects", "drop", "--all", "--dry-run", f->database), expect(f, CLEAN);
    JSON(f, "rejects", "drop", "--all", f->database), expect(f, CLEAN);
}

static void crash_here(void) {
    open_and_log_crashes();
    use_bad_pointer();
}

static void crashed(void **state) {
    fixture *f = *state;
    (void)snprintf(database, sizeof database, "%.*s", (int)sizeof database - 1, f->database);
    expect_death(status_of(crash_here), SIGSEGV);
    recover();
    JSON(f, "symbols", f->database), expect(f, CLEAN);
    look_at(f, f->database);
}

static void archived(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_archive);
    look_at(f, f->database);
    JSON(f, "dump", "--from", "1", f->database);
    JSON(f, "archive", "prune", "--keep-bytes", "3000000", "--dry-run", f->database);
    JSON(f, "archive", "prune", "--keep-bytes", "3000000", f->database), expect(f, CLEAN);
    JSON(f, "archive", "pack", "--dry-run", f->database), expect(f, CLEAN);
    JSON(f, "archive", "pack", f->database);
    look_at(f, f->database);
}

/* Without a segment after it nothing says where one ends. */
static void not_all_packed(void **state) {
    fixture *f = *state;
    char path[600];
    in_a_child(f, leave_archive);
    (void)snprintf(path, sizeof path, "%s/archive/segment-%020d", f->journal, 2);
    assert_int_equal(unlink(path), 0);
    JSON(f, "archive", "pack", f->database);
    expect_text(f->out, "{\"type\":\"not_packed\",");
    look_at(f, f->database);
}

/* Rows that a packed segment makes small. */
static void leave_plain_archive(const fixture *f) {
    static const char text[2000];
    weir *here = open_here(f, &(weir_options){.archive = 1, .segment_bytes = 1 << 20});
    weir_table *table = declare(here, "t");
    for (int64_t id = 1; id <= 60000; id++)
        must(weir_append(table, weir_int(id * id * 7919), weir_real((double)id / 7),
                         weir_text("a name"), weir_blob(text + id % 50, 20 + (size_t)id % 30)),
             12);
    reach(here, WEIR_APPLIED);
    must(weir_close(here), 16);
}

static void packed(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_plain_archive);
    JSON(f, "archive", "pack", f->database), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"packed\",");
    look_at(f, f->database);
}

static void leave_first(const fixture *f) { must(weir_close(open_here(f, NULL)), 16); }

static void leave_segments(const fixture *f) {
    weir_rng rng = {1};
    weir *here = open_here(f, &(weir_options){.segment_bytes = 1 << 20});
    weir_table *table = declare(here, "t");
    for (int64_t id = 1; id <= 400; id += 50) {
        append_noise(table, &rng, id, id + 49, 20000);
        reach(here, WEIR_APPLIED);
    }
    must(weir_close(here), 16);
}

/* A reader that may hold back nearly nothing, when rows have left the journal. */
static void read_too_late(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_first);
    JSON(f, "dump", "--reader", "tail", "--hold", "1", f->database), expect(f, CLEAN);
    in_a_child(f, leave_segments);
    look_at(f, f->database);
    JSON(f, "dump", "--reader", "tail", f->database);
    expect_text(f->out, "{\"type\":\"gap\",\"first_row\":1,");
}

static void a_clock_that_jumped(void **state) {
    fixture *f = *state;
    static forge j;
    static const int64_t seconds[] = {10, 20, 5, 30};
    forge_begin(&j);
    forge_segment(&j, 1);
    for (size_t i = 0; i < 4; i++) {
        j.wall_ns = seconds[i] * 1000000000;
        (void)forge_block(&j, WEIR_BLOCK_ROWS, 10);
    }
    (void)forge_block(&j, WEIR_BLOCK_MARK, 0);
    (void)forge_block(&j, WEIR_BLOCK_MARK, 0);
    forge_write(&j);
    JSON(f, "dump", "--since", "@8", "--until", "@25", j.directory), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"astray\",\"first_row\":21,\"last_row\":30,");
    look_at(f, j.directory);
    forge_end(&j);
}

static void leave_another(const fixture *f) {
    struct timespec pause = {0, 400000000};
    weir *here;
    (void)nanosleep(&pause, NULL); /* until somebody follows */
    must(weir_close(apply_rows(f)), 16);
    (void)nanosleep(&pause, NULL);
    weir_temp_remove(f->journal);
    forget_database(f);
    here = open_here(f, NULL);
    append_rows(declare(here, "t"), 1, ROWS);
    reach(here, WEIR_APPLIED);
    (void)nanosleep(&pause, NULL);
    must(weir_close(here), 16);
}

static void followed(void **state) {
    fixture *f = *state;
    int status;
    char rows[20];
    in_a_child(f, leave_first);
    pid_t child = fork();
    if (child == 0) {
        leave_another(f);
        _exit(0);
    }
    (void)snprintf(rows, sizeof rows, "%d", 2 * ROWS);
    JSON(f, "dump", "--follow", "--limit", rows, f->database), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"opened\",");
    expect_text(f->out, "{\"type\":\"anew\",");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* A verb without what it needs answers with an object, or says that it has none. */
static void errors(void **state) {
    fixture *f = *state;
    static const char *const verbs[][3] = {
        {"status"},
        {"verify"},
        {"dump"},
        {"symbols"},
        {"recover"},
        {"salvage"},
        {"forget"},
        {"watch", "--count", "1"},
        {"report", "-o", "/nowhere/page"},
        {"replay", "--into", "/nowhere/db"},
        {"rejects", "list"},
        {"rejects", "retry"},
        {"rejects", "drop", "--all"},
        {"archive", "list"},
        {"archive", "pack"},
        {"archive", "prune", "--passed"},
        {"readers", "list"},
        {"salvage", "--undo"},
        {"salvage", "--to", "/nowhere/db"},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const char *a = verbs[i][0], *b = verbs[i][1], *c = verbs[i][2];
        run(f, "--json", f->database, a, b, c, NULL);
        if (f->code == USAGE)
            run(f, a, b ? b : f->database,
                c   ? c
                : b ? f->database
                    : "--json",
                c   ? f->database
                : b ? "--json"
                    : NULL,
                c ? "--json" : NULL, NULL);
        if (!strstr(f->out, "{\"type\":\"error\",\"status\":\"WEIR_") && f->code >= FAILED)
            fail_msg("%s %s: exit %d without an object: %s", a, b ? b : "", f->code, f->out);
    }
    JSON(f, "backup", f->database, f->other), expect(f, FAILED);
    expect_text(f->out, "{\"type\":\"error\",");
    JSON(f, "readers", "forget", f->database, "nobody"), expect(f, FAILED);
    expect_text(f->out, "{\"type\":\"error\",");
    JSON(f, "archive", "push", f->database, "s3://bucket/a"), expect(f, FAILED);
    expect_text(f->out, "{\"type\":\"error\",");
    JSON(f, "archive", "restore", "--into", f->other, "nowhere"), expect(f, FAILED);
    expect_text(f->out, "{\"type\":\"error\",");
    JSON(f, "metrics", f->database), expect(f, USAGE);
    expect_text(f->err, "metrics has no --json");
    JSON(f, "completion", "bash"), expect(f, USAGE);
    expect_text(f->err, "completion has no --json");
    JSON(f, "report", "-o", "-", f->database), expect(f, USAGE);
}

static int set_up_json(void **state) {
    assert_int_equal(set_up(state), 0);
    ((fixture *)*state)->binary = WEIR_TOOL;
    return 0;
}

#define JSON_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_json, tear_down)

/* Another program's objects are kept too. False: it cannot run here. */
static bool keep_those_of(const char *program, bool *failed) {
    char command[700];
    const char *build = getenv("WEIR_BINARY_DIR");
    (void)snprintf(command, sizeof command, "'%s'/tests/%s >'%s.other' 2>&1", build, program, kept);
    int status = system(command);
    bool done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool skipped = WIFEXITED(status) && (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127);
    if (!done && !skipped) *failed = true;
    if (!done) printf("%s %s\n", program, skipped ? "is left out: there is no server" : "fails");
    return done;
}

/* What is kept is of the schema. */
static int compare(void) {
    char command[2000];
    const char *source = getenv("WEIR_SOURCE_DIR"), *part = getenv("WEIR_POSTGRES");
    bool failed = false, server = part && part[0];
    bool store = keep_those_of("test_archive_store", &failed);
    server = server && keep_those_of("test_postgres_tool what_programs_read", &failed);
    char *all = server ? weir_file_text(kept) : NULL;
    if (all && !strstr(all, "{\"type\":\"checked\",")) server = false; /* it was skipped */
    if (!server) printf("objects of a PostgreSQL server are left out: there is none\n");
    free(all);
    if (failed) return 1;
    (void)snprintf(command, sizeof command,
                   "python3 '%s/tests/support/check_json.py' '%s' '%s' %s %s", source, source, kept,
                   store ? "" : "recovery/archive/push.c recovery/archive/restore.c",
                   server ? ""
                          : "recovery/server/standing.c recovery/server/trial.c recovery/detach.c "
                            "recovery/rebuild.c");
    return system(command) == 0 ? 0 : 1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        JSON_TEST(living),
        JSON_TEST(killed),
        JSON_TEST(with_sinks),
        TEST(every_value),
        JSON_TEST(damaged_and_mended),
        JSON_TEST(a_torn_tail),
        JSON_TEST(forgotten_and_gone),
        JSON_TEST(refused),
        JSON_TEST(crashed),
        JSON_TEST(archived),
        JSON_TEST(packed),
        JSON_TEST(read_too_late),
        JSON_TEST(a_clock_that_jumped),
        JSON_TEST(not_all_packed),
        JSON_TEST(followed),
        JSON_TEST(errors),
    };
    char folder[200];
    if (system("python3 -c 'import jsonschema' 2>/dev/null") != 0)
        return weir_skip_all("json", "python3-jsonschema is not installed",
                             sizeof tests / sizeof *tests);
    (void)snprintf(folder, sizeof folder, "%s", weir_temp_make());
    (void)snprintf(kept, sizeof kept, "%s/kept", folder);
    (void)setenv("WEIR_JSON_KEPT", kept, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!failed) failed = compare();
    weir_temp_remove(folder);
    return failed;
}
