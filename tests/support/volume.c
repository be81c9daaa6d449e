#include "volume.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

/* ext4 took XFS's number and flags, and other file systems followed. */
#define SHUTDOWN _IOR('X', 125, uint32_t)
enum { NO_LOG_FLUSH = 2 };

static bool in_memory(const char *type) { return strcmp(type, "tmpfs") == 0; }

/* A small ext4 would have blocks of 1 KiB, and SQLite's -shm file would have holes: SQLite writes
 * one byte of each page to make it whole. To store into a hole of a full disk is a SIGBUS. */
bool volume_format(const char *type, const char *image, unsigned mib) {
    const char *force = strcmp(type, "ext4") ? "-q -f" : "-q -F -m 0 -b 4096";
    char command[320];
    int file = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool made = file >= 0 && ftruncate(file, (off_t)mib << 20) == 0;
    if (file >= 0) close(file);
    (void)snprintf(command, sizeof command, "mkfs.%s %s '%s' >/dev/null 2>&1", type, force, image);
    return made && (in_memory(type) || system(command) == 0);
}

/* A tmpfs has no image: its size is a file's. */
static bool mount_memory(const char *image, const char *where) {
    struct stat st;
    char size[48];
    if (stat(image, &st)) return false;
    (void)snprintf(size, sizeof size, "size=%lld", (long long)st.st_size);
    return mount("tmpfs", where, "tmpfs", 0, size) == 0;
}

bool volume_mount_image(const char *type, const char *image, const char *where) {
    char command[480];
    if (in_memory(type)) return mount_memory(image, where);
    (void)snprintf(command, sizeof command, "mount -t %s -o loop '%s' '%s' 2>&1", type, image,
                   where);
    return system(command) == 0;
}

static bool has_disk(const volume *v) { return v->disk[0] != '\0'; }

static bool try_mount(volume *v) {
    if (has_disk(v) && !v->disk_mounted)
        v->disk_mounted = volume_mount_image("ext4", v->disk_image, v->disk);
    if (has_disk(v) && !v->disk_mounted) return false;
    v->mounted = volume_mount_image(v->type, v->image, v->root);
    return v->mounted;
}

static void name_files(volume *v, const char *type) {
    memset(v, 0, sizeof *v);
    (void)snprintf(v->directory, sizeof v->directory, "%s", weir_temp_make());
    (void)snprintf(v->image, sizeof v->image, "%s/image", v->directory);
    (void)snprintf(v->root, sizeof v->root, "%s/root", v->directory);
    (void)snprintf(v->type, sizeof v->type, "%s", type);
    if (strcmp(type, "btrfs") != 0) return;
    (void)snprintf(v->disk_image, sizeof v->disk_image, "%s/disk.image", v->directory);
    (void)snprintf(v->disk, sizeof v->disk, "%s/disk", v->directory);
    (void)snprintf(v->image, sizeof v->image, "%s/disk/image", v->directory);
}

static bool make_disk(volume *v, unsigned mib) {
    enum { ITS_OWN_MIB = 64 };
    if (mkdir(v->disk, 0700) || !volume_format("ext4", v->disk_image, mib + ITS_OWN_MIB))
        return false;
    v->disk_mounted = volume_mount_image("ext4", v->disk_image, v->disk);
    return v->disk_mounted;
}

/* Mounted at v->root; false says that this machine does not let us. */
static bool try_make(volume *v, const char *type, unsigned mib) {
    name_files(v, type);
    return !mkdir(v->root, 0700) && (!has_disk(v) || make_disk(v, mib)) &&
           volume_format(type, v->image, mib) && try_mount(v);
}

const char *volume_missing(const char *type) {
    static bool private;
    volume v;
    if (geteuid() != 0) return "needs root, to mount a file system of its own";
    if (!private && (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)))
        return "needs the right to mount (a mount namespace of its own)";
    private = true;
    bool made = try_make(&v, type, 320);
    volume_free(&v);
    return made ? NULL : "needs a loop device, mkfs and the kernel's module for this file system";
}

void volume_make(volume *v, const char *type, unsigned mib) {
    if (!try_make(v, type, mib)) fail_msg("cannot make a volume at %s", v->root);
}

void volume_mount(volume *v) {
    if (!try_mount(v)) fail_msg("cannot mount %s", v->image);
}

/* The kernel takes a killed process apart, and a loop device, in its own time. */
void volume_unmount_from(const char *where, bool *mounted) {
    for (int i = 0; i < 500 && *mounted; i++) {
        *mounted = umount2(where, 0) != 0;
        if (*mounted) usleep(10000);
    }
    if (*mounted) fail_msg("cannot unmount %s: %s", where, strerror(errno));
}

void volume_unmount(volume *v) {
    volume_unmount_from(v->root, &v->mounted);
    volume_unmount_from(v->disk, &v->disk_mounted);
}

void volume_cut(const volume *v) {
    uint32_t flag = NO_LOG_FLUSH;
    const char *where = has_disk(v) ? v->disk : v->root;
    int root = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || ioctl(root, SHUTDOWN, &flag) != 0)
        fail_msg("cannot cut %s: %s", where, strerror(errno));
    close(root);
}

void volume_free(volume *v) {
    if (v->mounted) (void)umount2(v->root, MNT_DETACH);
    if (v->disk_mounted) (void)umount2(v->disk, MNT_DETACH);
    weir_temp_remove(v->directory);
}

static void pour(int file, size_t piece) {
    static const char bytes[65536];
    while (write(file, bytes, piece) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
}

void volume_fill(const volume *v) {
    int file =
        open(weir_temp_path(v->root, "ballast"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    pour(file, 65536);
    pour(file, 512); /* the last block of the file may have room yet */
    pour(file, 1);
    (void)fsync(file); /* delayed allocation may find that there is less room than it thought */
    close(file);
}

void volume_relieve(const volume *v) {
    assert_int_equal(unlink(weir_temp_path(v->root, "ballast")), 0);
}
