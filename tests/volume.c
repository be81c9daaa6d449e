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

static bool make_file_system(const volume *v) {
    const char *force = strcmp(v->type, "ext4") ? "-q -f" : "-q -F -m 0";
    char command[320];
    (void)snprintf(command, sizeof command, "mkfs.%s %s '%s' >/dev/null 2>&1", v->type, force,
                   v->image);
    return system(command) == 0;
}

static bool try_mount(volume *v) {
    char command[480];
    (void)snprintf(command, sizeof command, "mount -t %s -o loop '%s' '%s' 2>&1", v->type, v->image,
                   v->root);
    v->mounted = system(command) == 0;
    return v->mounted;
}

/* Mounted at v->root; false says that this machine does not let us. */
static bool try_make(volume *v, const char *type, unsigned mib) {
    memset(v, 0, sizeof *v);
    (void)snprintf(v->directory, sizeof v->directory, "%s", weir_temp_make());
    (void)snprintf(v->image, sizeof v->image, "%s/image", v->directory);
    (void)snprintf(v->root, sizeof v->root, "%s/root", v->directory);
    (void)snprintf(v->type, sizeof v->type, "%s", type);
    int image = open(v->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool made = image >= 0 && ftruncate(image, (off_t)mib << 20) == 0 && !mkdir(v->root, 0700);
    if (image >= 0) close(image);
    return made && make_file_system(v) && try_mount(v);
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

void volume_unmount(volume *v) {
    for (int i = 0; i < 500 && v->mounted; i++) {
        v->mounted = umount2(v->root, 0) != 0;
        if (v->mounted) usleep(10000); /* the kernel takes a killed process apart in its own time */
    }
    if (v->mounted) fail_msg("cannot unmount %s: %s", v->root, strerror(errno));
}

void volume_cut(const volume *v) {
    uint32_t flag = NO_LOG_FLUSH;
    int root = open(v->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || ioctl(root, SHUTDOWN, &flag) != 0)
        fail_msg("cannot cut %s: %s", v->root, strerror(errno));
    close(root);
}

void volume_free(volume *v) {
    if (v->mounted) (void)umount2(v->root, MNT_DETACH);
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
