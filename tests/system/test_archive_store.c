/* test_archive_store.c - archive push and restore with a real S3 server, and one that fails.
 *
 * The server is tests/s3/server.js, whose packages npm fetches once into the build directory. Without
 * node, npm, the registry or weir_s3 all of it is skipped, and says why (exit 77). */
/* Covers: recovery/archive/push.c, recovery/archive/restore.c, recovery/archive/store.c,
 * recovery/archive/segment_bytes.c */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>

#include "tool.h"

#define URL "s3://bucket/a/b c" /* a blank, so that names must be encoded */

static char server_script[700], store_directory[300], endpoint[64];
static pid_t server;
static int server_input = -1;
static unsigned port;

/* ---- the server ------------------------------------------------------------------------ */

/* Why there is none; NULL: there is. */
static const char *prepare_server(void) {
    static char why[500];
    char command[1400];
    const char *build = getenv("WEIR_BINARY_DIR"), *source = getenv("WEIR_SOURCE_DIR");
    const char *part = getenv("WEIR_S3");
    if (!build || !source) return "WEIR_BINARY_DIR or WEIR_SOURCE_DIR is not set: ctest sets them";
    if (!part || !is_there(part)) return "built without WEIR_S3";
    (void)snprintf(server_script, sizeof server_script, "%s/s3rver/server.js", build);
    (void)snprintf(command, sizeof command, "sh '%s/tests/s3/prepare.sh' '%s/s3rver'", source,
                   build);
    FILE *prepared = popen(command, "r");
    if (!prepared) return "there is no shell";
    if (!fgets(why, sizeof why, prepared)) strcpy(why, "tests/s3/prepare.sh fails");
    why[strcspn(why, "\n")] = 0;
    return pclose(prepared) == 0 ? NULL : why;
}

static void start_server(void) {
    int in[2], out[2];
    char line[32] = "";
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    server = fork();
    if (server == 0) {
        (void)dup2(in[0], 0);
        (void)dup2(out[1], 1);
        (void)close(in[1]);
        (void)execlp("node", "node", server_script, store_directory, (char *)NULL);
        _exit(97);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    server_input = in[1];
    for (size_t n = 0; n + 1 < sizeof line && !strchr(line, '\n'); n++)
        if (read(out[0], line + n, 1) != 1) break;
    (void)close(out[0]);
    port = (unsigned)strtoul(line, NULL, 10);
    assert_true(port > 0);
    (void)snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u", port);
}

/* The same folder in a fresh store for each test. */
static int set_up_store(void **state) {
    assert_int_equal(set_up(state), 0);
    fixture *f = *state;
    f->binary = WEIR_TOOL;
    (void)snprintf(store_directory, sizeof store_directory, "%s/store", f->directory);
    assert_int_equal(mkdir(store_directory, 0700), 0);
    (void)setenv("AWS_ACCESS_KEY_ID", "S3RVER", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "S3RVER", 1);
    start_server();
    return 0;
}

static int tear_down_store(void **state) {
    int status;
    (void)close(server_input); /* it ends when its input does */
    (void)waitpid(server, &status, 0);
    return tear_down(state);
}

static void cause(const char *match, const char *kind, int times) {
    char body[300], request[600], answer[600];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int length = snprintf(body, sizeof body, "{\"match\":\"%s\",\"kind\":\"%s\",\"times\":%d}",
                          match, kind, times);
    (void)snprintf(request, sizeof request,
                   "POST /_fault HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
                   "%d\r\n\r\n%s",
                   length, body);
    int to = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(to, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(to, request, strlen(request)), (ssize_t)strlen(request));
    assert_true(read(to, answer, sizeof answer) > 0);
    (void)close(to);
}

/* The file in which the server keeps an object; index counts whole segments, or packed ones, from the
 * oldest. */
static void find_object(const char *begins, int index, char path[1000]) {
    char command[700];
    (void)snprintf(
        command, sizeof command,
        "find '%s' -path '*/tail/*' -prune -o -name '%s*_object' -print | sort | sed -n %dp",
        store_directory, begins, index + 1);
    FILE *found = popen(command, "r");
    assert_non_null(found);
    assert_non_null(fgets(path, 1000, found));
    (void)pclose(found);
    path[strcspn(path, "\n")] = 0;
}

static void object_path(int index, char path[1000]) { find_object("segment-", index, path); }

static size_t count_objects(const char *begins) {
    char command[700], count[20] = "";
    (void)snprintf(command, sizeof command, "find '%s' -name '%s*_object' | wc -l", store_directory,
                   begins);
    FILE *found = popen(command, "r");
    assert_non_null(found);
    assert_non_null(fgets(count, sizeof count, found));
    (void)pclose(found);
    return strtoul(count, NULL, 10);
}

/* ---- programs -------------------------------------------------------------------------- */

static int push(fixture *f) {
    return run(f, "archive", "push", f->database, URL, "--endpoint", endpoint, "--timeout", "2",
               NULL);
}

/* More rows, durable and not applied by anybody when the process is killed. */
static void leave_more(const fixture *f) {
    weir *w = open_here(f, &(weir_options){.archive = 1, .segment_bytes = 1 << 20});
    weir_table *table = declare(w, "t");
    append_rows(table, 201, 300);
    reach(w, WEIR_DURABLE);
    die();
}

/* The same, applied, in an archive and closed. */
static void leave_applied_more(const fixture *f) {
    weir_rng rng = {(uint64_t)getpid()};
    weir *w = open_here(f, &(weir_options){.archive = 1, .segment_bytes = 1 << 20});
    weir_table *table = declare(w, "t");
    append_noise(table, &rng, 201, 400, 20000);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

static void burn(const fixture *f) {
    char command[600];
    (void)snprintf(command, sizeof command, "rm -rf '%s'*", f->database);
    assert_int_equal(system(command), 0);
}

static void holds_once(const fixture *f, int64_t last) {
    assert_int_equal(rows_in(f->other), last);
    assert_int_equal(weir_sql_int(f->other, "SELECT count(DISTINCT id) FROM t"), last);
    assert_int_equal(weir_sql_int(f->other, "SELECT max(id) FROM t"), last);
    assert_int_equal(weir_sql_int(f->other, "SELECT count(*) FROM pragma_integrity_check "
                                            "WHERE integrity_check = 'ok'"),
                     1);
}

/* ---- the drill ------------------------------------------------------------------------- */

/* What is new is sent, and once; then it is all that there is. fetched: the directory that it stays in. */
static void push_burn_and_restore(fixture *f, char fetched[300]) {
    push(f);
    expect(f, CLEAN);
    expect_text(f->out, "up to row 300");
    push(f);
    expect(f, CLEAN);
    expect_text(f->out, "pushed 0 objects");
    burn(f);
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, "--keep-fetched",
        NULL);
    expect(f, RECOVERED);
    holds_once(f, 300);
    (void)snprintf(fetched, 300, "%s.restore", f->other);
}

static void a_machine_burns(void **state) {
    fixture *f = *state;
    char fetched[300];
    in_a_child(f, leave_archive);
    push(f);
    expect(f, CLEAN);
    in_a_child(f, leave_more);
    push_burn_and_restore(f, fetched);
    run(f, "verify", fetched, NULL);
    expect(f, CLEAN);
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, NULL);
    expect(f, CLEAN); /* what is there is neither fetched nor applied again */
    expect_text(f->out, "fetched 1 objects");
    holds_once(f, 300);
    assert_false(is_there(fetched));
}

static void up_to_a_row_or_a_moment(void **state) {
    fixture *f = *state;
    char moment[40];
    struct timespec now, pause = {0, 20000000};
    in_a_child(f, leave_archive);
    (void)nanosleep(&pause, NULL);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(moment, sizeof moment, "@%lld.%09ld", (long long)now.tv_sec, now.tv_nsec);
    (void)nanosleep(&pause, NULL);
    in_a_child(f, leave_more);
    push(f);
    expect(f, CLEAN);
    burn(f);
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, "--to", "77",
        NULL);
    expect(f, RECOVERED);
    holds_once(f, 77);
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, "--until", moment,
        NULL);
    expect(f, RECOVERED);
    holds_once(f, 200);
}

static void what_the_store_lost_is_named(void **state) {
    fixture *f = *state;
    char path[1000];
    in_a_child(f, leave_archive);
    push(f);
    expect(f, CLEAN);
    object_path(2, path);
    assert_int_equal(unlink(path), 0);
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, NULL);
    expect(f, DAMAGE);
    expect_text(f->out, "rows ");
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, "--skip-damage",
        NULL);
    expect(f, DAMAGE);
    int64_t lost = weir_sql_int(f->other, "SELECT sum(last_row - first_row + 1) FROM weir_loss");
    assert_true(lost > 0);
    assert_int_equal(rows_in(f->other), 200 - lost);
}

static void what_the_store_spoilt_is_named(void **state) {
    fixture *f = *state;
    char path[1000];
    in_a_child(f, leave_archive);
    push(f);
    expect(f, CLEAN);
    object_path(2, path);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 12000, SEEK_SET), 0);
    assert_int_equal(fwrite("spoilt", 1, 6, file), 6);
    assert_int_equal(fclose(file), 0);
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, "--skip-damage",
        NULL);
    expect(f, DAMAGE);
    expect_text(f->err, "its bytes are not those that were put");
    int64_t lost = weir_sql_int(f->other, "SELECT sum(last_row - first_row + 1) FROM weir_loss");
    assert_true(lost > 0);
    assert_int_equal(rows_in(f->other), 200 - lost);
}

/* ---- a server that fails --------------------------------------------------------------- */

static void failures_that_pass_lose_nothing(void **state) {
    fixture *f = *state;
    static const char *const kinds[] = {"before", "after", "500", "503", "cut", "hang"};
    in_a_child(f, leave_archive);
    for (int i = 0; i < 6; i++) {
        char match[60];
        (void)snprintf(match, sizeof match, "PUT .*segment-0*%d$", i + 1);
        cause(match, kinds[i], 1);
    }
    push(f);
    expect(f, CLEAN);
    push(f);
    expect(f, CLEAN);
    expect_text(f->out, "pushed 0 objects");
    for (int i = 0; i < 6; i++) {
        char match[60];
        (void)snprintf(match, sizeof match, "GET .*segment-0*%d$", i + 1);
        cause(match, kinds[i], 1);
    }
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, "--timeout", "2",
        NULL);
    expect(f, RECOVERED);
    holds_once(f, 200);
}

static void a_server_that_stays_away_is_told(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_archive);
    cause("PUT ", "500", 100);
    push(f);
    expect(f, FAILED);
    expect_text(f->err, "again and again");
}

/* ---- what is refused ------------------------------------------------------------------- */

static void an_object_is_never_overwritten(void **state) {
    fixture *f = *state;
    char path[1000], copy[240], command[1400];
    in_a_child(f, leave_archive);
    (void)snprintf(copy, sizeof copy, "%.200s/copy", f->directory);
    (void)snprintf(command, sizeof command, "mkdir '%s' && cp -a '%s'/run.db* '%s'", copy,
                   f->directory, copy);
    assert_int_equal(system(command), 0);
    in_a_child(f, leave_more); /* two histories of one journal from here on */
    in_a_child(f, leave_more);
    push(f);
    expect(f, CLEAN);
    object_path(3, path);
    uint64_t before = tree_hash(path);
    (void)snprintf(f->database, sizeof f->database, "%s/run.db", copy);
    in_a_child(f, leave_more);
    in_a_child(f, leave_more);
    push(f);
    expect(f, DAMAGE);
    expect_text(f->err, "another machine pushes a copy of this journal");
    assert_int_equal(tree_hash(path), before);
}

static void keys_are_checked_and_never_told(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret", 1);
    push(f);
    expect(f, FAILED);
    expect_text(f->err, "403");
    assert_null(strstr(f->err, "a-wrong-secret"));
    (void)unsetenv("AWS_SECRET_ACCESS_KEY");
    push(f);
    expect(f, FAILED);
    expect_text(f->err, "set both");
    (void)unsetenv("AWS_ACCESS_KEY_ID");
    char path[300];
    (void)snprintf(path, sizeof path, "%s/credentials", f->directory);
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    push(f);
    expect(f, FAILED);
    expect_text(f->err, "AWS_ACCESS_KEY_ID");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("[other]\naws_access_key_id = x\n[default]\n aws_access_key_id = S3RVER\n"
                "aws_secret_access_key=S3RVER\n",
                file);
    assert_int_equal(fclose(file), 0);
    push(f);
    expect(f, CLEAN);
    (void)unsetenv("AWS_SHARED_CREDENTIALS_FILE");
}

static void the_package_is_named_when_it_is_missing(void **state) {
    fixture *f = *state;
    char *part = strdup(getenv("WEIR_S3"));
    in_a_child(f, leave_closed);
    (void)setenv("WEIR_S3", "/nowhere/weir_s3.so", 1);
    push(f);
    (void)setenv("WEIR_S3", part, 1);
    free(part);
    expect(f, FAILED);
    expect_text(f->err, "install weir-s3");
}

static void what_is_not_pushed_is_not_pruned(void **state) {
    fixture *f = *state;
    char path[1000];
    in_a_child(f, leave_archive);
    push(f);
    expect(f, CLEAN);
    object_path(2, path);
    assert_int_equal(unlink(path), 0);
    run(f, "archive", "prune", f->database, "--keep-bytes", "0", "--pushed", URL, "--endpoint",
        endpoint, NULL);
    expect(f, CLEAN);
    expect_text(f->out, "deleted 2 files");
    expect_text(f->out, "it is not in the store");
    push(f);
    expect(f, CLEAN);
    run(f, "archive", "prune", f->database, "--keep-bytes", "0", "--pushed", URL, "--endpoint",
        endpoint, NULL);
    expect(f, CLEAN);
    expect_text(f->out, "left: 0 files");
}

/* For test_json.c too: each kind of object. */
static void with_json_each_damage_is_an_object(void **state) {
    fixture *f = *state;
    char path[1000], *archive, *first, *third;
    in_a_child(f, leave_archive);
    push(f);
    expect(f, CLEAN);
    object_path(2, path);
    patch(path, 12000, "spoilt", 6);
    run(f, "archive", "restore", "--json", URL, "--endpoint", endpoint, "--into", f->other,
        "--skip-damage", NULL);
    expect(f, DAMAGE);
    expect_text(f->out, "{\"type\":\"not_fetched\",\"object\":\"");
    expect_text(f->out, "{\"type\":\"fetched\",");
    assert_true(asprintf(&archive, "%s/archive", f->journal) > 0);
    assert_true(asprintf(&first, "%s/segment-%020d", archive, 1) > 0);
    assert_true(asprintf(&third, "%s/segment-%020d", archive, 3) > 0);
    patch(third, 12000, "spoilt", 6);
    assert_int_equal(unlink(first), 0);
    run(f, "archive", "push", "--json", f->database, "s3://bucket/other", "--endpoint", endpoint,
        NULL);
    expect(f, DAMAGE);
    expect_text(f->out, "{\"type\":\"not_pushed\",\"segment\":3,");
    expect_text(f->out, "{\"type\":\"not_stored\",\"segment\":1,");
    expect_text(f->out, "{\"type\":\"pushed\",");
    free(archive);
    free(first);
    free(third);
}

/* ---- packed segments ------------------------------------------------------------------- */

static void pack(fixture *f) {
    run(f, "archive", "pack", f->database, NULL);
    expect(f, CLEAN);
}

static int push_whole(fixture *f) {
    return run(f, "archive", "push", "--whole", f->database, URL, "--endpoint", endpoint, NULL);
}

/* As a_machine_burns, with everything packed before it was first pushed. */
static void a_machine_burns_whose_archive_was_packed(void **state) {
    fixture *f = *state;
    char fetched[300];
    in_a_child(f, leave_archive);
    pack(f);
    push(f);
    expect(f, CLEAN);
    size_t packed = count_objects("packed-segment-");
    assert_true(packed >= 3 && count_objects("segment-0") == 1); /* a tail */
    in_a_child(f, leave_more);
    pack(f);
    push_burn_and_restore(f, fetched);
    run(f, "verify", "--archive", fetched, NULL);
    expect(f, CLEAN);
    run(f, "dump", "--archive", fetched, NULL);
    expect(f, CLEAN);
    assert_true(lines(f->out) >= 200); /* no ring vouches for the last block */
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, NULL);
    expect(f, CLEAN);
    expect_text(f->out, "fetched 1 objects"); /* the tail; what is whole is there */
    holds_once(f, 300);
    assert_false(is_there(fetched));
}

/* All that there is in the store is packed, the youngest segment too. */
static void nothing_but_packed_segments_is_restored(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_archive);
    pack(f);
    push_whole(f);
    expect(f, CLEAN);
    assert_int_equal(count_objects("segment-"), 0);
    burn(f);
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, "--to", "77",
        NULL);
    expect(f, RECOVERED);
    holds_once(f, 77);
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, NULL);
    expect(f, RECOVERED);
    int64_t rows = rows_in(f->other);
    assert_true(rows > 100 && rows <= 200);
    holds_once(f, rows);
}

/* Neither is sent again, whichever form the other is in, and the history is found to be one. */
static void what_was_pushed_before_it_was_packed_is_not_sent_again(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_archive);
    push_whole(f);
    expect(f, CLEAN);
    size_t plain = count_objects("segment-");
    pack(f);
    push_whole(f);
    expect(f, CLEAN);
    expect_text(f->out, "pushed 0 objects");
    assert_int_equal(count_objects("packed-segment-"), 0);
    assert_int_equal(count_objects("segment-"), plain);
    run(f, "archive", "prune", f->database, "--keep-bytes", "0", "--pushed", URL, "--endpoint",
        endpoint, NULL);
    expect(f, CLEAN);
    expect_text(f->out, "left: 0 files");
}

/* Once the first object is on its way: the server does not answer for a while. */
static void what_is_packed_while_it_is_pushed_is_sent_packed(void **state) {
    fixture *f = *state;
    char *arguments[] = {(char *)(uintptr_t) "weir", (char *)(uintptr_t) "archive",
                         (char *)(uintptr_t) "pack", f->database, NULL};
    int status;
    in_a_child(f, leave_archive);
    cause("PUT .*segment-0*1$", "hang", 1);
    pid_t child = fork();
    if (child == 0) {
        (void)usleep(1000000);
        become_the_tool(f, arguments, "/dev/null", "/dev/null");
    }
    push(f);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == CLEAN);
    expect(f, CLEAN);
    assert_int_equal(count_objects("packed-segment-00000000000000000001"), 0);
    assert_true(count_objects("packed-segment-") >= 2);
    burn(f);
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, NULL);
    expect(f, RECOVERED);
    holds_once(f, 200);
}

/* The same archive, packed on one machine and plain on the other: whichever was pushed first. */
static void other_forms_of_one_history_agree(void **state) {
    fixture *f = *state;
    char copy[240], command[1400];
    in_a_child(f, leave_archive);
    (void)snprintf(copy, sizeof copy, "%.200s/copy", f->directory);
    (void)snprintf(command, sizeof command, "mkdir '%s' && cp -a '%s'/run.db* '%s'", copy,
                   f->directory, copy);
    assert_int_equal(system(command), 0);
    pack(f);
    push_whole(f);
    expect(f, CLEAN);
    (void)snprintf(f->database, sizeof f->database, "%s/run.db", copy);
    push_whole(f);
    expect(f, CLEAN);
    expect_text(f->out, "pushed 0 objects");
    assert_int_equal(count_objects("segment-"), 0);
}

/* Bytes of packed segments say nothing of the history, but what their last header's hash is does. */
static void two_histories_are_told_apart_though_packed(void **state) {
    fixture *f = *state;
    char copy[240], command[1400];
    in_a_child(f, leave_archive);
    (void)snprintf(copy, sizeof copy, "%.200s/copy", f->directory);
    (void)snprintf(command, sizeof command, "mkdir '%s' && cp -a '%s'/run.db* '%s'", copy,
                   f->directory, copy);
    assert_int_equal(system(command), 0);
    in_a_child(f, leave_applied_more);
    push_whole(f); /* plain */
    expect(f, CLEAN);
    (void)snprintf(f->database, sizeof f->database, "%s/run.db", copy);
    in_a_child(f, leave_applied_more);
    in_a_child(f, leave_applied_more); /* it goes beyond what is there */
    pack(f);
    push_whole(f);
    expect(f, DAMAGE);
    expect_text(f->err, "another history of this journal");
    assert_int_equal(count_objects("packed-segment-"), 0);
}

static void a_damaged_packed_segment_is_named_and_not_sent(void **state) {
    fixture *f = *state;
    char *path;
    in_a_child(f, leave_archive);
    pack(f);
    assert_true(asprintf(&path, "%s/archive/packed-segment-%020d", f->journal, 2) > 0);
    patch(path, 12000, "spoilt", 6);
    free(path);
    push(f);
    expect(f, DAMAGE);
    expect_text(f->out, "not pushed: segment 2, rows ");
    expect_text(f->out, "the block is damaged");
    char object[1000];
    find_object("packed-segment-", 1, object);
    expect_text(object, "packed-segment-00000000000000000003");
}

static void a_packed_object_that_the_store_spoilt_is_named(void **state) {
    fixture *f = *state;
    char path[1000];
    in_a_child(f, leave_archive);
    pack(f);
    push(f);
    expect(f, CLEAN);
    find_object("packed-segment-", 2, path);
    patch(path, 12000, "spoilt", 6);
    run(f, "archive", "restore", URL, "--endpoint", endpoint, "--into", f->other, "--skip-damage",
        NULL);
    expect(f, DAMAGE);
    expect_text(f->err, "its bytes are not those that were put");
    int64_t lost = weir_sql_int(f->other, "SELECT sum(last_row - first_row + 1) FROM weir_loss");
    assert_true(lost > 0);
    assert_int_equal(rows_in(f->other), 200 - lost);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_store, tear_down_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_machine_burns),
        STORE_TEST(up_to_a_row_or_a_moment),
        STORE_TEST(what_the_store_lost_is_named),
        STORE_TEST(what_the_store_spoilt_is_named),
        STORE_TEST(failures_that_pass_lose_nothing),
        STORE_TEST(a_server_that_stays_away_is_told),
        STORE_TEST(an_object_is_never_overwritten),
        STORE_TEST(keys_are_checked_and_never_told),
        STORE_TEST(the_package_is_named_when_it_is_missing),
        STORE_TEST(what_is_not_pushed_is_not_pruned),
        STORE_TEST(with_json_each_damage_is_an_object),
        STORE_TEST(a_machine_burns_whose_archive_was_packed),
        STORE_TEST(nothing_but_packed_segments_is_restored),
        STORE_TEST(what_was_pushed_before_it_was_packed_is_not_sent_again),
        STORE_TEST(what_is_packed_while_it_is_pushed_is_sent_packed),
        STORE_TEST(other_forms_of_one_history_agree),
        STORE_TEST(two_histories_are_told_apart_though_packed),
        STORE_TEST(a_damaged_packed_segment_is_named_and_not_sent),
        STORE_TEST(a_packed_object_that_the_store_spoilt_is_named),
    };
    const char *why = prepare_server();
    if (why) return weir_skip_all("archive_store", why, sizeof tests / sizeof *tests);
    if (getenv("WEIR_JSON_KEPT")) cmocka_set_test_filter("with_json_*");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
