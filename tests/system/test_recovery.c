/* The tool end to end: the real binary, on journals that real processes left behind. */
/* Covers: recovery/arguments.c, recovery/recover.c, recovery/report.c,
 * recovery/look.c, recovery/view.c, recovery/dump.c, recovery/rowtext.c, recovery/columns.c,
 * recovery/metrics/metrics_verb.c, recovery/describe.c, recovery/options.c, recovery/help.c, recovery/stop.c,
 * recovery/json.c, recovery/progress.c, recovery/patience.c, recovery/apply.c,
 * recovery/database.c, recovery/rebuild.c, recovery/summary.c, recovery/nearest.c */
#include <sched.h>

#include "tool.h"

/* ---- the command line ------------------------------------------------------------------ */

static void wrong_usage_is_16(void **state) {
    fixture *f = *state;
    run(f, NULL), expect(f, USAGE);
    run(f, "status", NULL), expect(f, USAGE);
    run(f, "--nonsense", f->database, NULL), expect(f, USAGE);
    run(f, "status", "--csv", f->database, NULL), expect(f, USAGE);
    expect_text(f->err, "status has no --csv");
    run(f, "replay", f->database, NULL), expect(f, USAGE);
    expect_text(f->err, "--into");
    run(f, "dump", "--from", "5", "--to", "3", f->database, NULL), expect(f, USAGE);
    run(f, "dump", "--from", "-1", f->database, NULL), expect(f, USAGE);
    run(f, "dump", "--limit", "99999999999999999999", f->database, NULL), expect(f, USAGE);
    run(f, "replay", "--into", f->other, "--until", "soon", f->database, NULL), expect(f, USAGE);
    run(f, "status", f->database, f->database, NULL), expect(f, USAGE);
    expect_text(f->err, "is too many");
    run(f, "stat", f->database, NULL), expect(f, USAGE);
    expect_text(f->err, "'stat' is no verb and no file: did you mean status?");
    assert_string_equal(f->out, "");
}

static void help_and_version(void **state) {
    fixture *f = *state;
    run(f, "--help", NULL), expect(f, CLEAN);
    expect_text(f->out, "Exit status");
    run(f, "--version", NULL), expect(f, CLEAN);
    expect_text(f->out, weir_version());
}

/* The name by which it is called says whether it needs a verb. */
static void one_binary_has_two_names(void **state) {
    fixture *f = *state;
    f->binary = WEIR_TOOL;
    run(f, NULL), expect(f, USAGE);
    expect_text(f->err, "name a verb");
    run(f, f->database, NULL), expect(f, USAGE);
    expect_text(f->err, "is no verb: the verbs are status, verify");
    run(f, "recover", NULL), expect(f, USAGE);
    expect_text(f->err, "name a database");
    run(f, "recover", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "weir: there is no database at");
    run(f, "--version", NULL), expect(f, CLEAN);
    expect_text(f->out, "weir 1.");
    f->binary = WEIR_RECOVER;
    run(f, "recover", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "weir-recover: there is no database at");
}

/* What a verb prints for --help are its options, and no other's. */
static void each_verb_has_its_help(void **state) {
    fixture *f = *state;
    f->binary = WEIR_TOOL;
    run(f, "dump", "--help", NULL), expect(f, CLEAN);
    expect_text(f->out, "Usage: weir dump [OPTION...] DATABASE|JOURNAL");
    expect_text(f->out, "--csv");
    assert_null(strstr(f->out, "--into"));
    run(f, "--help", "replay", NULL), expect(f, CLEAN);
    expect_text(f->out, "--into=FILE");
    assert_null(strstr(f->out, "--csv"));
    run(f, "--help", NULL), expect(f, CLEAN);
    expect_text(f->out, "  symbols ");
    assert_null(strstr(f->out, "--into"));
}

/* A word that is mistyped is named, with what it resembles. */
static void mistyped_words_are_named(void **state) {
    static const struct {
        const char *words[4], *said;
    } mistyped[] = {
        {{"statsu", "x.db"}, "weir: 'statsu' is no verb: did you mean status?"},
        {{"verfiy", "x.db"}, "'verfiy' is no verb: did you mean verify?"},
        {{"archvie", "list", "x.db"}, "'archvie' is no verb: did you mean archive?"},
        {{"archive", "lits", "x.db"}, "'archive lits' is no verb: did you mean archive list?"},
        {{"archive", "forget", "x.db"}, "'archive forget' is no verb: the verbs are list, pack"},
        {{"archive"}, "archive what? archive can be followed by: list, pack"},
        {{"help", "salvgae"}, "'salvgae' is no verb: did you mean salvage?"},
        {{"xyzzy", "x.db"}, "'xyzzy' is no verb: the verbs are status, verify"},
        {{"status", "--chekc", "x.db"}, "there is no option --chekc: did you mean --check?"},
        {{"status", "--jsn=1", "x.db"}, "there is no option --jsn=1: did you mean --json?"},
        {{"status", "--xyzzy", "x.db"}, "there is no option --xyzzy\n"},
    };
    fixture *f = *state;
    f->binary = WEIR_TOOL;
    for (size_t i = 0; i < sizeof mistyped / sizeof *mistyped; i++) {
        const char *const *words = mistyped[i].words;
        run(f, words[0], words[1], words[2], words[3], NULL), expect(f, USAGE);
        expect_text(f->err, mistyped[i].said);
        expect_text(f->err, "weir --help");
    }
    run(f, "dump", "--match", "--chekc", f->database, NULL), expect(f, FAILED); /* a value */
    run(f, "status", "--arch", f->database, NULL), expect(f, FAILED);           /* cut short */
    run(f, "status", "--", "--chekc", NULL), expect(f, FAILED);                 /* a file */
}

/* Wide terminals or not: nothing that is longer than a line of 80. */
static void fits_80_columns(const char *text) {
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "\n");
        if (length > 80) fail_msg("%zu columns: %.*s", length, (int)length, at);
        at += length + (at[length] == '\n');
    }
}

static void every_help_reads_well(void **state) {
    fixture *f = *state;
    f->binary = WEIR_TOOL;
    run(f, "--help", NULL), expect(f, CLEAN);
    char *list = strdup(f->out);
    assert_non_null(list);
    fits_80_columns(list);
    expect_text(list, "20 to 25");
    run(f, "help", NULL), expect(f, CLEAN);
    assert_string_equal(f->out, list);
    int verbs = 0;
    for (const char *at = list; (at = strstr(at, "\n  ")); at++) {
        char first[32], second[32], usage[100];
        if (at[3] < 'a' || at[3] > 'z') continue; /* no verb, but an option */
        int words = sscanf(at + 3, "%16[a-z]%*1[ ]%16[a-z]", first, second);
        const char *then = words == 2 ? second : NULL;
        (void)snprintf(usage, sizeof usage, "Usage: weir %s%s%s [OPTION...] ", first,
                       then ? " " : "", then ? then : "");
        run(f, first, then ? then : "--help", then ? "--help" : NULL, NULL), expect(f, CLEAN);
        expect_text(f->out, usage);
        expect_text(f->out, "\nExit status: 0 in order");
        fits_80_columns(f->out);
        char *help = strdup(f->out);
        assert_non_null(help);
        run(f, "help", first, then, NULL), expect(f, CLEAN);
        assert_string_equal(f->out, help);
        free(help);
        verbs++;
    }
    assert_true(verbs >= 23);
    run(f, "status", "--help", NULL), expect(f, CLEAN);
    static const char *const codes[] = {" 20 ", " 21 ", " 22 ", " 23 ", " 24 ", " 25 "};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char *flat = strdup(f->out);
        assert_non_null(flat);
        for (char *at = flat; (at = strchr(at, '\n'));)
            *at = ' ';
        expect_text(flat, codes[i]);
        free(flat);
    }
    free(list);
}

/* What is made of the tables is kept in the source tree: scripts/describe makes it anew. */
static void completions_are_as_kept(void **state) {
    static const char *const shells[] = {"bash", "zsh", "fish"};
    fixture *f = *state;
    char path[4096];
    f->binary = WEIR_TOOL;
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/recovery/completion/weir.%s", WEIR_SOURCE_DIR,
                       shells[i]);
        char *kept = weir_file_text(path);
        run(f, "completion", shells[i], NULL), expect(f, CLEAN);
        assert_string_equal(f->out, kept);
        free(kept);
    }
    run(f, "completion", "csh", NULL), expect(f, USAGE);
}

static void the_manual_page_has_each_verb_and_option(void **state) {
    fixture *f = *state;
    char *page = weir_file_text(WEIR_SOURCE_DIR "/recovery/weir.1");
    f->binary = WEIR_TOOL;
    run(f, "completion", "mdoc", NULL), expect(f, CLEAN);
    expect_text(page, f->out);
    free(page);
}

/* ---- nothing to work on ---------------------------------------------------------------- */

static void what_is_missing_is_named_and_not_made(void **state) {
    static const char *const verbs[] = {"status", "verify", "dump", "salvage"};
    fixture *f = *state;
    uint64_t before = tree_hash(f->directory);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        run(f, verbs[i], f->database, NULL), expect(f, FAILED);
        expect_text(f->err, f->database);
        assert_int_equal(lines(f->err), 1);
    }
    run(f, f->database, NULL), expect(f, FAILED);
    run(f, "replay", "--into", f->other, f->database, NULL), expect(f, FAILED);
    assert_true(tree_hash(f->directory) == before);
}

static void what_is_no_journal_is_named(void **state) {
    fixture *f = *state;
    weir_file_write(f->other, "This is a letter, not a database. It is long enough, though.", 60);
    assert_int_equal(mkdir(f->journal, 0700), 0);
    uint64_t before = tree_hash(f->directory);
    run(f, "status", f->journal, NULL), expect(f, FAILED);
    expect_text(f->err, "not a journal");
    run(f, f->other, NULL), expect(f, FAILED);
    expect_text(f->err, "not a database");
    run(f, "verify", "--json", f->directory, NULL), expect(f, FAILED);
    expect_text(f->out, "{\"type\":\"error\",\"status\":\"WEIR_NOT_FOUND\"");
    assert_true(tree_hash(f->directory) == before);
}

/* ---- recovery -------------------------------------------------------------------------- */

static void rows_of_a_dead_ring_are_recovered(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_in_ring);
    run(f, f->database, NULL), expect(f, RECOVERED);
    expect_text(f->out, "50 rows recovered");
    assert_int_equal(rows_in(f->database), ROWS);
    run(f, "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"rows\":0,");
    assert_int_equal(rows_in(f->database), ROWS);
}

static void a_journal_without_its_database_fills_a_new_one(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    forget_database(f);
    run(f, "--json", f->database, NULL), expect(f, RECOVERED);
    expect_text(f->out, "{\"type\":\"recovered\"");
    expect_text(f->out, "\"rows\":50,");
    assert_int_equal(lines(f->out), 1);
    assert_int_equal(rows_in(f->database), ROWS);
    assert_int_equal(weir_sql_int(f->database, "SELECT sum(id = rowid) FROM t"), ROWS);
}

static void what_is_applied_is_not_applied_again(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "50 durable, 10 applied, 40 waiting");
    run(f, f->database, NULL), expect(f, RECOVERED);
    expect_text(f->out, "40 rows recovered");
    assert_int_equal(rows_in(f->database), ROWS);
    assert_int_equal(weir_sql_int(f->database, "SELECT sum(id = rowid) FROM t"), ROWS);
}

static void a_clean_journal_needs_nothing(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    run(f, f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "nothing to recover");
    assert_int_equal(rows_in(f->database), ROWS);
}

static void a_database_without_a_journal_needs_nothing(void **state) {
    fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE t(a)");
    run(f, f->database, NULL), expect(f, CLEAN);
    assert_false(is_there(f->journal));
}

static void a_locked_database_is_given_up_after_wait(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    run(f, "--wait", "0", f->database, NULL), expect(f, FAILED);
    sqlite3_close(db);
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->database), ROWS);
}

/* ---- looking --------------------------------------------------------------------------- */

static void reading_verbs_change_nothing(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    uint64_t before = tree_hash(f->directory);
    run(f, "status", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"durable\":50,");
    expect_text(f->out, "\"to_recover\":50,");
    expect_text(f->out, "\"applied\":0,\"waiting\":50,");
    expect_text(f->out, "\"open_in_pid\":null");
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "50 durable, 0 applied, 50 waiting");
    expect_text(f->out, "50 rows are not in the database yet (weir-recover /");
    run(f, "verify", f->database, NULL), expect(f, CLEAN);
    run(f, "verify", "--archive", f->journal, NULL), expect(f, CLEAN);
    run(f, "dump", f->journal, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), ROWS);
    assert_true(tree_hash(f->directory) == before);
}

static void status_counts_the_rows_of_a_ring(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_in_ring);
    uint64_t before = tree_hash(f->directory);
    run(f, "status", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"ring\":{\"found\":\"ours\"");
    expect_text(f->out, "\"boot\":\"same\"");
    expect_text(f->out, "\"rows\":50,\"bytes\":");
    assert_true(tree_hash(f->directory) == before);
}

static void reading_verbs_work_on_a_live_journal(void **state) {
    fixture *f = *state;
    int ready[2], over[2], status;
    char byte, pid[40];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(over), 0);
    pid_t child = fork();
    if (child == 0) {
        close(over[1]);
        stay_open(f, ready[1], over[0]);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    run(f, "status", "--json", f->database, NULL), expect(f, CLEAN);
    (void)snprintf(pid, sizeof pid, "\"open_in_pid\":%d,", (int)child);
    expect_text(f->out, pid);
    expect_text(f->out, "\"applied\":50,\"waiting\":0,");
    run(f, "verify", f->database, NULL), expect(f, CLEAN);
    run(f, "dump", f->database, NULL), expect(f, CLEAN);
    run(f, f->database, NULL), expect(f, FAILED);
    (void)snprintf(pid, sizeof pid, "process %d", (int)child);
    expect_text(f->err, pid);
    close(over[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Whether that process has a handler for the signal, as the kernel says. */
static bool catches(pid_t process, int number) {
    char path[64], line[256];
    unsigned long long mask = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    FILE *status = fopen(path, "r");
    assert_non_null(status);
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "SigCgt: %llx", &mask) == 1) break;
    assert_int_equal(fclose(status), 0);
    return mask >> (number - 1) & 1;
}

static void ctrl_c_ends_recovery_at_a_safe_place(void **state) {
    fixture *f = *state;
    char err[280];
    int status;
    in_a_child(f, leave_durable);
    sqlite3 *lock;
    assert_int_equal(sqlite3_open(f->database, &lock), SQLITE_OK);
    assert_int_equal(sqlite3_exec(lock, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    (void)snprintf(err, sizeof err, "%s.err", f->directory);
    pid_t child = fork();
    char *arguments[] = {(char *)"weir-recover", f->database, NULL};
    if (child == 0) {
        (void)signal(SIGINT, SIG_DFL); /* who runs the tests may have it ignored */
        become_the_tool(f, arguments, "/dev/null", err);
    }
    while (!catches(child, SIGINT) && waitpid(child, &status, WNOHANG) == 0)
        sched_yield();
    assert_int_equal(kill(child, SIGINT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    assert_int_equal(sqlite3_close(lock), SQLITE_OK);
    f->err = weir_file_text(err);
    (void)unlink(err);
    expect_text(f->err, "stopped by a signal: 0 rows applied");
    expect_text(f->err, "50 rows wait in the journal");
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->database), ROWS);
}

/* ---- dump ------------------------------------------------------------------------------ */

/* The block's time differs in every run: cut it out. */
static void cut_times(char *text) {
    for (char *at; (at = strstr(text, "\"time_ns\":"));) {
        char *end = strchr(at, ',');
        assert_non_null(end);
        memmove(at, end + 1, strlen(end + 1) + 1);
    }
}

static void dump_loses_nothing(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_values);
    run(f, "dump", f->database, NULL), expect(f, CLEAN);
    cut_times(f->out);
    assert_string_equal(
        f->out, "{\"type\":\"row\",\"row\":1,\"table\":\"t\",\"values\":{\"id\":"
                "{\"integer\":\"-9223372036854775808\"},\"x\":0.1,"
                "\"name\":\"\\u0001 \xC3\xA9,\\\\\\\"\",\"data\":{\"blob\":\"00ff\"}}}\n"
                "{\"type\":\"row\",\"row\":2,\"table\":\"other "
                "\\\"table\\\"\",\"values\":{\"id\":null,\"x\":2.0,"
                "\"name\":\"\",\"data\":{\"blob\":\"\"}}}\n"
                "{\"type\":\"row\",\"row\":3,\"table\":\"t\",\"values\":{\"id\":{\"text\":\"ff\"},"
                "\"x\":{\"real\":\"inf\"},\"name\":7,\"data\":null}}\n");
    run(f, "dump", "--csv", "--table", "T", f->database, NULL), expect(f, CLEAN);
    assert_string_equal(f->out, "\"row\",\"id\",\"x\",\"name\",\"data\"\n"
                                "1,-9223372036854775808,0.1,\"\x01 \xC3\xA9,\\\"\"\",x'00ff'\n"
                                "3,\"\xFF\",inf,7,\n");
    run(f, "dump", "--csv", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "--table");
    run(f, "dump", "--table", "nothing", f->database, NULL), expect(f, FAILED);
}

static void dump_selects(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    run(f, "dump", "--from", "15", "--to", "34", f->journal, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 20);
    expect_text(f->out, "\"row\":15,");
    expect_text(f->out, "\"row\":34,");
    run(f, "dump", "--from", "49", "--limit", "7", f->journal, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 2);
    run(f, "dump", "--csv", "--limit", "3", f->journal, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 1 + 3 * 2); /* each row has a line feed in a text */
    run(f, "dump", "--from", "51", f->journal, NULL), expect(f, CLEAN);
    assert_string_equal(f->out, "");
}

static void a_report_that_cannot_be_written_is_a_failure(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    f->out_path = "/dev/full";
    run(f, "dump", f->journal, NULL), expect(f, FAILED);
    expect_text(f->err, "stdout");
}

/* ---- damage ---------------------------------------------------------------------------- */

static void rot_the_third_block(const fixture *f) {
    const char *segment = first_segment(f);
    uint64_t at = offset_of_row(segment, 2 * ROWS_OF_GROUP + 1);
    patch(segment, at + WEIR_BLOCK_HEADER + 8, "rotten", 6);
}

static void rot_is_named_and_refused(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot_the_third_block(f);
    uint64_t before = tree_hash(f->directory);
    run(f, "verify", "--json", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "\"verdict\":\"rot\"");
    expect_text(f->out, "\"first_row\":21,\"last_row\":30,");
    run(f, "verify", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "rows 21 to 30 are lost");
    run(f, "dump", f->database, NULL), expect(f, DAMAGE);
    assert_int_equal(lines(f->out), ROWS - ROWS_OF_GROUP);
    expect_text(f->err, "rows 21 to 30");
    run(f, f->database, NULL), expect(f, DAMAGE);
    run(f, "replay", "--into", f->other, f->database, NULL), expect(f, DAMAGE);
    assert_true(tree_hash(f->directory) == before);
}

static void salvage_keeps_what_is_readable(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot_the_third_block(f);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "rows 21 to 30 are lost");
    expect_text(f->out, "40 rows salvaged");
    assert_int_equal(rows_in(f->database), ROWS - ROWS_OF_GROUP);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t WHERE id BETWEEN 21 AND 30"),
                     0);
    assert_true(has_name(f->journal, "damaged-"));
    run(f, f->database, NULL), expect(f, CLEAN);
    assert_int_equal(rows_in(f->database), ROWS - ROWS_OF_GROUP);
}

static void salvage_of_a_sound_journal_is_recovery(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_in_ring);
    run(f, "salvage", "--json", f->database, NULL), expect(f, RECOVERED);
    expect_text(f->out, "\"rows\":50,");
    assert_int_equal(rows_in(f->database), ROWS);
    run(f, "salvage", f->database, NULL), expect(f, CLEAN);
}

/* What is left of the journal was written before the ring, and cannot say that it is drained. */
static void salvage_drains_a_ring_whose_blocks_are_lost(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    in_a_child(f, leave_both);
    assert_int_equal(truncate(segment_at(f, true), 0), 0);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "50 rows salvaged, up to row 101; 1 rows are lost");
    assert_int_equal(rows_in(f->database), 2 * ROWS);
}

static void salvage_drains_a_ring_whose_journal_is_gone(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    assert_int_equal(unlink(first_segment(f)), 0);
    run(f, f->database, NULL), expect(f, DAMAGE);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    assert_int_equal(rows_in(f->database), ROWS);
}

static void replay_goes_on_past_damage_when_told(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot_the_third_block(f);
    run(f, "replay", "--skip-damage", "--into", f->other, f->database, NULL), expect(f, DAMAGE);
    assert_int_equal(rows_in(f->other), ROWS - ROWS_OF_GROUP);
}

static void a_truncated_segment_is_damage(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    const char *segment = first_segment(f);
    assert_int_equal(truncate(segment, (off_t)offset_of_row(segment, 41) + 100), 0);
    uint64_t before = tree_hash(f->directory);
    run(f, "verify", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "41");
    run(f, f->database, NULL), expect(f, DAMAGE);
    assert_true(tree_hash(f->directory) == before);
}

static void a_torn_tail_is_no_damage(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    const char *segment = first_segment(f);
    patch(segment, offset_of_row(segment, 41) + WEIR_BLOCK_ALIGN, "half a block", 12);
    run(f, "verify", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"verdict\":\"torn_tail\"");
    run(f, f->database, NULL), expect(f, RECOVERED);
    expect_text(f->out, "torn tail");
    assert_int_equal(rows_in(f->database), ROWS);
}

static void a_newer_format_is_left_alone(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    const char *segment = first_segment(f);
    size_t bytes;
    uint8_t *content = weir_file_read(segment, &bytes);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(content, &h), WEIR_OK);
    h.incompatible = 1;
    weir_segment_header_encode(content, &h);
    patch(segment, 0, content, WEIR_SEGMENT_HEADER);
    free(content);
    uint64_t before = tree_hash(f->directory);
    static const char *const verbs[] = {"status", "verify", "dump", "salvage"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        run(f, verbs[i], f->database, NULL), expect(f, FAILED);
    run(f, f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "newer");
    assert_true(tree_hash(f->directory) == before);
}

static void a_directory_without_rights_is_named(void **state) {
    fixture *f = *state;
    char copy[256];
    in_a_child(f, leave_durable);
    assert_int_equal(chmod(f->journal, 0), 0);
    if (geteuid() == 0) { /* root may read everything: be nobody, who needs to reach the binary */
        (void)snprintf(copy, sizeof copy, "%s/tool", f->directory);
        weir_file_copy_tree(WEIR_RECOVER, copy);
        assert_int_equal(chmod(copy, 0755), 0);
        assert_int_equal(chmod(f->directory, 0755), 0);
        f->binary = copy;
        f->as_nobody = true;
    }
    run(f, "status", f->database, NULL);
    (void)chmod(f->journal, 0700);
    expect(f, FAILED);
    expect_text(f->err, "Permission denied");
    expect_text(f->err, f->journal);
    assert_int_equal(lines(f->err), 1);
}

/* ---- replay ---------------------------------------------------------------------------- */

static void replay_fills_another_database(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    uint64_t before = tree_hash(f->journal);
    run(f, "replay", "--into", f->other, "--to", "25", f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), 25);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), ROWS);
    run(f, "replay", "--json", "--into", f->other, f->journal, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"replayed\"");
    expect_text(f->out, "\"rows\":0,");
    assert_int_equal(rows_in(f->other), ROWS);
    assert_true(tree_hash(f->journal) == before);
}

/* No block of the journal is applied first, which would say whose position it is. */
static void a_ring_alone_is_replayed_once(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_in_ring);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), ROWS);
    assert_int_equal(weir_sql_int(f->other, "SELECT journal = zeroblob(16) FROM weir_position"), 0);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, CLEAN);
    assert_int_equal(rows_in(f->other), ROWS);
}

static void replay_stops_at_a_moment(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    run(f, "replay", "--into", f->other, "--until", "2001-01-01T00:00:00", f->journal, NULL);
    expect(f, CLEAN);
    run(f, "replay", "--into", f->other, "--until", "@4102444800.5", f->journal, NULL);
    expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), ROWS);
}

static void replay_into_its_own_database_is_refused(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    run(f, "replay", "--into", f->database, f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "weir-recover");
}

static void an_archive_rebuilds_the_database(void **state) {
    fixture *f = *state;
    char archive[300];
    in_a_child(f, leave_archive);
    (void)snprintf(archive, sizeof archive, "%s/archive", f->journal);
    assert_true(has_name(archive, "segment-"));
    run(f, "dump", "--archive", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 200);
    run(f, "verify", "--archive", f->database, NULL), expect(f, CLEAN);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), 200);
    run(f, f->database, NULL), expect(f, CLEAN);
    assert_int_equal(rows_in(f->database), 200);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(wrong_usage_is_16),
        TEST(help_and_version),
        TEST(one_binary_has_two_names),
        TEST(each_verb_has_its_help),
        TEST(mistyped_words_are_named),
        TEST(every_help_reads_well),
        TEST(completions_are_as_kept),
        TEST(the_manual_page_has_each_verb_and_option),
        TEST(what_is_missing_is_named_and_not_made),
        TEST(what_is_no_journal_is_named),
        TEST(rows_of_a_dead_ring_are_recovered),
        TEST(a_journal_without_its_database_fills_a_new_one),
        TEST(what_is_applied_is_not_applied_again),
        TEST(a_clean_journal_needs_nothing),
        TEST(a_database_without_a_journal_needs_nothing),
        TEST(a_locked_database_is_given_up_after_wait),
        TEST(reading_verbs_change_nothing),
        TEST(status_counts_the_rows_of_a_ring),
        TEST(reading_verbs_work_on_a_live_journal),
        TEST(ctrl_c_ends_recovery_at_a_safe_place),
        TEST(dump_loses_nothing),
        TEST(dump_selects),
        TEST(a_report_that_cannot_be_written_is_a_failure),
        TEST(rot_is_named_and_refused),
        TEST(salvage_keeps_what_is_readable),
        TEST(salvage_of_a_sound_journal_is_recovery),
        TEST(salvage_drains_a_ring_whose_blocks_are_lost),
        TEST(salvage_drains_a_ring_whose_journal_is_gone),
        TEST(replay_goes_on_past_damage_when_told),
        TEST(a_truncated_segment_is_damage),
        TEST(a_torn_tail_is_no_damage),
        TEST(a_newer_format_is_left_alone),
        TEST(a_directory_without_rights_is_named),
        TEST(replay_fills_another_database),
        TEST(a_ring_alone_is_replayed_once),
        TEST(replay_stops_at_a_moment),
        TEST(replay_into_its_own_database_is_refused),
        TEST(an_archive_rebuilds_the_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
