/* test_disk_log.c - every write and flush that reaches the disk, recorded by a program that knows nothing of us,
 * and the disk put together again as it stood at each of them.
 *
 * Four producers write on an ext4 whose disk is qemu-storage-daemon's: a loop device over a file that it exports
 * through FUSE, with its blklogwrites driver below, which logs in the format of the kernel's dm-log-writes. Beside
 * them somebody notes what they have been told, and how long the log was then. Afterwards the disk is made anew from
 * the log: up to a flush; or up to any write, without some of those that no flush stands behind. Such a disk is
 * mounted, recovered, and held against what had been told when the log was no longer than that.
 *
 *     test_disk_log                   the suite: POINTS of one workload's
 *     test_disk_log SECONDS [SEED]    all flushes, and as many other points, of workload after workload */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ledger.h"
#include "support.h"
#include "volume.h"

enum {
    POINTS = 36,
    MIB = 192,
    SECTOR = 512,
    WORK_MS = 400,
    WORK_MOST_MS = 30000,
    NOTES_MAX = 4000,
    ROWS_LEAST = 100
};

static double asked_seconds;
static uint64_t asked_seed = 1;

/* ---- the log: docs of dm-log-writes; numbers are little-endian -------------------------------- */

enum { FLUSH = 1, FUA = 2, DISCARD = 4 }; /* flags of an entry */

typedef struct entry {
    uint64_t sector, sectors, flags;
    const uint8_t *data; /* in the log; NULL: discarded */
    uint64_t end;        /* how long the log is behind it */
} entry;

static uint8_t *log_bytes;
static entry *entries;
static size_t entry_count;

static uint64_t number_at(uint64_t offset) {
    uint64_t n;
    memcpy(&n, log_bytes + offset, sizeof n);
    return n;
}

static void read_log(const char *path) {
    size_t size;
    log_bytes = weir_file_read(path, &size);
    assert_true(size >= SECTOR && number_at(0) == 0x6a736677736872 && number_at(8) == 1);
    entry_count = number_at(16);
    entries = calloc(entry_count, sizeof *entries);
    assert_non_null(entries);
    uint64_t at = SECTOR;
    for (size_t i = 0; i < entry_count; i++) {
        assert_true(at + SECTOR <= size);
        entry *e = &entries[i];
        *e = (entry){number_at(at), number_at(at + 8), number_at(at + 16), NULL, 0};
        at += SECTOR;
        if (!(e->flags & DISCARD) && e->sectors) {
            e->data = log_bytes + at;
            at += e->sectors * SECTOR;
        }
        assert_true(at <= size && (e->sector + e->sectors) * SECTOR <= (uint64_t)MIB << 20);
        e->end = at;
    }
}

static void forget_log(void) {
    free(log_bytes);
    free(entries);
}

/* ---- the disk that is recorded ----------------------------------------------------------------- */

static struct {
    char directory[96], plain[128], recorded[128], log[128], exported[128], trial[128], root[128];
} at;
static pid_t daemon_now;
static bool mounted;

static void name_places(void) {
    (void)snprintf(at.directory, sizeof at.directory, "%s", weir_temp_make());
    static const char *const names[] = {"plain", "recorded", "log", "exported", "trial", "root"};
    char *const into[] = {at.plain, at.recorded, at.log, at.exported, at.trial, at.root};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)snprintf(into[i], sizeof at.plain, "%s/%s", at.directory, names[i]);
}

static void start_daemon(void) {
    char data[200], log[200], export[240];
    weir_file_write(at.log, "", 0);
    weir_file_write(at.exported, "", 0);
    (void)snprintf(data, sizeof data, "driver=file,node-name=data,filename=%s", at.recorded);
    (void)snprintf(log, sizeof log, "driver=file,node-name=log,filename=%s", at.log);
    (void)snprintf(export, sizeof export,
                   "type=fuse,id=e,node-name=recorder,writable=on,mountpoint=%s", at.exported);
    daemon_now = fork();
    if (daemon_now == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execlp("qemu-storage-daemon", "qemu-storage-daemon", "--blockdev", data, "--blockdev",
                     log, "--blockdev",
                     "driver=blklogwrites,node-name=recorder,file=data,log=log,log-sector-size=512",
                     "--export", export, (char *)NULL);
        _exit(127);
    }
    assert_true(daemon_now > 0);
}

/* The export covers the empty file when it is there. */
static bool is_exported(void) {
    struct stat info;
    for (int i = 0; i < 1000; i++) {
        if (stat(at.exported, &info) == 0 && info.st_size == (off_t)MIB << 20) return true;
        if (waitpid(daemon_now, NULL, WNOHANG) != 0) return false;
        usleep(5000);
    }
    return false;
}

/* Closes the log, whose head then says how many entries there are. */
static void stop_daemon(void) {
    (void)kill(daemon_now, SIGTERM);
    (void)waitpid(daemon_now, NULL, 0);
}

static bool make_disk(void) {
    name_places();
    bool made = mkdir(at.root, 0700) == 0 && volume_format("ext4", at.plain, MIB);
    if (!made) return false;
    weir_file_copy_tree(at.plain, at.recorded);
    start_daemon();
    mounted = is_exported() && volume_mount_image("ext4", at.exported, at.root);
    if (!mounted) stop_daemon();
    return mounted;
}

static void end_disk(void) {
    volume_unmount_from(at.root, &mounted);
    stop_daemon();
}

/* ---- what had been told, and when --------------------------------------------------------------- */

typedef struct note {
    uint64_t log_bytes; /* so long at least was the log */
    uint64_t durable[LEDGER_PRODUCERS], applied[LEDGER_PRODUCERS];
} note;

static note notes[NOTES_MAX];
static size_t note_count;

/* First what was told, then the length: what had been told by then needs no more of the log. The same
 * of a longer log says nothing new. */
static void take_note(const ledger *l) {
    struct stat info;
    note *n = &notes[note_count];
    for (int p = 0; p < LEDGER_PRODUCERS; p++) {
        n->durable[p] = atomic_load(&l->durable[p]);
        n->applied[p] = atomic_load(&l->applied[p]);
    }
    if (note_count && memcmp(n->durable, n[-1].durable, sizeof n->durable) == 0 &&
        memcmp(n->applied, n[-1].applied, sizeof n->applied) == 0)
        return;
    assert_int_equal(stat(at.log, &info), 0);
    n->log_bytes = (uint64_t)info.st_size;
    if (note_count + 1 < NOTES_MAX) note_count++;
}

static void promise(ledger *l, uint64_t log_length) {
    const note *told = NULL;
    for (size_t i = 0; i < note_count && notes[i].log_bytes <= log_length; i++)
        told = &notes[i];
    for (int p = 0; p < LEDGER_PRODUCERS; p++) {
        atomic_store(&l->durable[p], told ? told->durable[p] : 0);
        atomic_store(&l->applied[p], told ? told->applied[p] : 0);
    }
}

static uint64_t rows_durable(ledger *l) {
    uint64_t rows = 0;
    for (int p = 0; p < LEDGER_PRODUCERS; p++)
        rows += atomic_load(&l->durable[p]);
    return rows;
}

/* On a busy machine it takes longer until there is something to lose. */
static void work(ledger *l) {
    note_count = 0;
    pid_t child = ledger_start(ledger_work, l);
    for (int i = 0; i < WORK_MS || (i < WORK_MOST_MS && rows_durable(l) < ROWS_LEAST); i++) {
        if (atomic_load(&l->failure) || waitpid(child, NULL, WNOHANG) != 0)
            fail_msg("seed %llu: failed", (unsigned long long)l->seed);
        take_note(l);
        usleep(1000);
    }
    ledger_kill(child);
}

/* ---- a disk made of the log ---------------------------------------------------------------------- */

static uint64_t rows_told;

static void apply(int disk, const entry *e) {
    static const uint8_t zeros[1 << 16];
    uint64_t left = e->sectors * SECTOR, offset = e->sector * SECTOR;
    while (left) {
        size_t piece = left < sizeof zeros ? (size_t)left : sizeof zeros;
        const uint8_t *from = e->data ? e->data + (offset - e->sector * SECTOR) : zeros;
        assert_int_equal(pwrite(disk, from, piece, (off_t)offset), piece);
        offset += piece;
        left -= piece;
    }
}

/* Of the entries before this one; of those behind the last flush only some, if keeps asks so. */
static void make_trial(size_t count, weir_rng *keeps) {
    size_t flushed = 0;
    for (size_t i = 0; i < count; i++)
        if (entries[i].flags & FLUSH) flushed = i;
    weir_temp_remove(at.trial);
    weir_file_copy_tree(at.plain, at.trial);
    int disk = open(at.trial, O_RDWR | O_CLOEXEC);
    assert_true(disk >= 0);
    for (size_t i = 0; i < count; i++)
        if (i <= flushed || !keeps || (entries[i].flags & FUA) || weir_rng_below(keeps, 2))
            apply(disk, &entries[i]);
    close(disk);
}

static void try_point(ledger *l, size_t count, weir_rng *keeps) {
    make_trial(count, keeps);
    promise(l, count ? entries[count - 1].end : SECTOR);
    mounted = volume_mount_image("ext4", at.trial, at.root);
    if (!mounted) fail_msg("seed %llu, entry %zu: no mount", (unsigned long long)l->seed, count);
    if (ledger_end_of(ledger_start(ledger_recover, l)) != 0)
        fail_msg("seed %llu, entry %zu: recovery failed", (unsigned long long)l->seed, count);
    rows_told += rows_durable(l);
    ledger_check(l, WEIR_DURABLE);
    volume_unmount_from(at.root, &mounted);
}

typedef struct tally {
    unsigned flushes, between, without;
} tally;

/* points: so many of all, spread over them; 0: every flush, and a write near each. */
static void try_points(ledger *l, unsigned points, time_t until, tally *t) {
    weir_rng rng = {l->seed ^ 0xD15C};
    size_t flushes = 0, chosen = 0;
    for (size_t i = 0; i < entry_count; i++)
        flushes += entries[i].flags & FLUSH;
    assert_true(flushes > 10);
    size_t step = points ? (flushes + points / 2 - 1) / (points / 2) : 1;
    for (size_t i = 0; i < entry_count && (!until || time(NULL) < until); i++) {
        if (!(entries[i].flags & FLUSH) || chosen++ % step) continue;
        try_point(l, i + 1, NULL);
        t->flushes++;
        size_t other = 1 + weir_rng_below(&rng, entry_count);
        bool without = weir_rng_below(&rng, 2);
        try_point(l, other, without ? &rng : NULL);
        *(without ? &t->without : &t->between) += 1;
    }
}

static void a_disk_made_of_its_log_holds_what_was_told(void **state) {
    (void)state;
    ledger *l = ledger_make();
    tally t = {0};
    time_t until = asked_seconds > 0 ? time(NULL) + (time_t)asked_seconds : 0;
    uint64_t seed = asked_seed;
    do {
        if (!make_disk()) fail_msg("no recorded disk");
        ledger_begin(l, seed++, 0, weir_temp_path(at.root, "d.db"));
        work(l);
        end_disk();
        read_log(at.log);
        try_points(l, until ? 0 : POINTS, until, &t);
        forget_log();
        weir_temp_remove(at.directory);
    } while (until && time(NULL) < until);
    ledger_free(l);
    print_message(
        "%u power cuts at a flush, %u at another write, %u without some writes, seeds %llu to "
        "%llu, %llu rows were durable\n",
        t.flushes, t.between, t.without, (unsigned long long)asked_seed,
        (unsigned long long)seed - 1, (unsigned long long)rows_told);
    assert_true(rows_told >= ROWS_LEAST);
}

static int tear_down(void **state) {
    (void)state;
    if (mounted) (void)umount2(at.root, MNT_DETACH);
    weir_temp_remove(at.directory);
    return 0;
}

static const char *missing(void) {
    const char *why = volume_missing("ext4");
    if (why) return why;
    if (system("qemu-storage-daemon --version >/dev/null 2>&1") != 0)
        return "needs qemu-storage-daemon (Debian: qemu-system-common)";
    bool made = make_disk();
    if (made) end_disk();
    weir_temp_remove(at.directory);
    return made ? NULL : "needs FUSE, and qemu-storage-daemon's export through it";
}

int main(int argc, char **argv) {
    if (argc > 1) asked_seconds = strtod(argv[1], NULL);
    if (argc > 2) asked_seed = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_disk_made_of_its_log_holds_what_was_told, tear_down)};
    const char *why = missing();
    if (why) return weir_skip_all("disk_log", why, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
