/* test_powercut.c - a file system is cut off while four producers write on it; then it is mounted
 * again, recovered, and compared with what they had been told was durable.
 *
 * The cut is the shutdown call of ext4 and XFS without a flush of their log: what has reached the
 * disk stays, all else is gone, in the middle of whatever was being written. What counts is what had
 * been told before the call began: while it runs, ext4 lets an fdatasync of blocks that were never
 * written before answer 0 and then loses them. A bare loop of pwrite and fdatasync on an allocated
 * file, cut 150 times, was told so 26 times, always in that moment and never before it.
 *
 *     test_powercut                        the suite: CUTS cuts of ext4 from seed 1
 *     test_powercut SECONDS [SEED [TYPE]]  as many as fit; TYPE: ext4, xfs, btrfs
 *     test_powercut 0 SEED [TYPE]          that cut alone */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ledger.h"
#include "support.h"
#include "volume.h"

enum { CUTS = 30, CUTS_PER_VOLUME = 10, VOLUME_MIB = 320 };

static unsigned asked_cuts = CUTS;
static double asked_seconds;
static uint64_t asked_seed = 1;
static const char *asked_type = "ext4";
static uint64_t rows_told; /* durable, in all: the test must have had something to lose */
static volume v;

static void cut_under_load(ledger *l, weir_rng *rng) {
    pid_t child = ledger_start(ledger_work, l);
    usleep((useconds_t)weir_rng_below(rng, weir_rng_below(rng, 4) ? 150000 : 20000));
    if (atomic_load(&l->failure) || waitpid(child, NULL, WNOHANG) != 0)
        fail_msg("seed %llu: the child failed before the cut", (unsigned long long)l->seed);
    atomic_store(&l->may_fail, true); /* from here on its disk is gone */
    uint64_t durable[LEDGER_PRODUCERS], applied[LEDGER_PRODUCERS];
    for (int p = 0; p < LEDGER_PRODUCERS; p++) {
        durable[p] = atomic_load(&l->durable[p]);
        applied[p] = atomic_load(&l->applied[p]);
    }
    volume_cut(&v);
    ledger_kill(child);
    for (int p = 0; p < LEDGER_PRODUCERS; p++) {
        atomic_store(&l->durable[p], durable[p]);
        atomic_store(&l->applied[p], applied[p]);
        rows_told += durable[p];
    }
}

/* Recovery may lose its power too. */
static void recover(ledger *l, weir_rng *rng) {
    if (weir_rng_below(rng, 3) == 0) {
        pid_t child = ledger_start(ledger_recover, l);
        usleep((useconds_t)weir_rng_below(rng, 40000));
        volume_cut(&v);
        ledger_kill(child);
        volume_unmount(&v);
        volume_mount(&v);
    }
    atomic_store(&l->may_fail, false);
    if (ledger_end_of(ledger_start(ledger_recover, l)) != 0)
        fail_msg("seed %llu: recovery failed", (unsigned long long)l->seed);
}

static void one_cut(ledger *l) {
    weir_rng rng = {l->seed ^ 0xC07};
    cut_under_load(l, &rng);
    volume_unmount(&v);
    volume_mount(&v);
    recover(l, &rng);
    ledger_check(l, WEIR_DURABLE);
}

static unsigned cuts(void) {
    ledger *l = ledger_make();
    time_t begin = time(NULL);
    unsigned done = 0;
    for (bool more = true; more;) {
        volume_make(&v, asked_type, VOLUME_MIB);
        for (unsigned run = 0; run < CUTS_PER_VOLUME && more; run++) {
            ledger_begin(l, asked_seed + done++, run, weir_temp_path(v.root, "p.db"));
            one_cut(l);
            more = asked_cuts ? done < asked_cuts : (double)(time(NULL) - begin) < asked_seconds;
        }
        volume_unmount(&v);
        volume_free(&v);
    }
    ledger_free(l);
    return done;
}

static void nothing_durable_is_lost_when_the_power_goes(void **state) {
    (void)state;
    unsigned done = cuts();
    print_message("%u power cuts of %s, seeds %llu to %llu, %llu rows were durable\n", done,
                  asked_type, (unsigned long long)asked_seed,
                  (unsigned long long)(asked_seed + done - 1), (unsigned long long)rows_told);
    if (asked_cuts != CUTS) return;
    assert_true(done >= 20);
    assert_true(rows_told > 1000);
}

static void note_weakness(void *context, weir_event event, const char *text) {
    if (event == WEIR_EVENT_WEAKENED && strstr(text, "copies on write")) ++*(int *)context;
}

static int told_of_weakness(const char *journal) {
    int told = 0;
    weir *w;
    weir_options o = {
        .on_event = note_weakness, .event_context = &told, .journal_directory = journal};
    if (weir_open_sqlite(weir_temp_path(v.root, "w.db"), &o, &w) != WEIR_OK)
        fail_msg("%s", weir_last_error());
    assert_int_equal(weir_close(w), WEIR_OK);
    return told;
}

/* Where a write into allocated blocks needs new ones, no allocation keeps a full disk from an append,
 * and opening must say so; with the journal on a tmpfs it need not. */
static void opening_says_when_a_full_disk_may_kill(void **state) {
    (void)state;
    volume_make(&v, asked_type, VOLUME_MIB);
    assert_int_equal(told_of_weakness(NULL), strcmp(asked_type, "btrfs") == 0);
    char memory[160];
    (void)snprintf(memory, sizeof memory, "%s/memory", v.directory);
    assert_int_equal(mkdir(memory, 0700), 0);
    assert_int_equal(mount("none", memory, "tmpfs", 0, NULL), 0);
    int told = told_of_weakness(weir_temp_path(memory, "journal"));
    assert_int_equal(umount2(memory, MNT_DETACH), 0);
    assert_int_equal(told, 0);
    volume_unmount(&v);
    volume_free(&v);
}

static int tear_down(void **state) {
    (void)state;
    if (v.mounted) volume_free(&v);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        asked_seconds = strtod(argv[1], NULL);
        asked_cuts = asked_seconds > 0 ? 0 : 1;
    }
    if (argc > 2) asked_seed = strtoull(argv[2], NULL, 10);
    if (argc > 3) asked_type = argv[3];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(opening_says_when_a_full_disk_may_kill, tear_down),
        cmocka_unit_test_teardown(nothing_durable_is_lost_when_the_power_goes, tear_down),
    };
    const char *missing = volume_missing(asked_type);
    if (missing) return weir_skip_all("powercut", missing, sizeof tests / sizeof *tests);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
