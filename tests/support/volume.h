/* volume.h - a small file system of the test's own, in a file behind a loop device: to fill to the
 * last byte, and to cut off as a power failure does. */
#ifndef WEIR_TESTS_VOLUME_H
#define WEIR_TESTS_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

/* btrfs cannot be cut: its image stands on an ext4 volume of its own, and that is cut. The loop device
 * hands flushes on to the file below, so what btrfs had flushed is there afterwards, and what it had
 * only written is as on a disk that has lost its cache. */
typedef struct volume {
    char directory[96], image[128], root[128]; /* root: where it is mounted */
    char disk_image[128], disk[128];           /* below it, for btrfs; else empty */
    char type[8];                              /* ext4, xfs, btrfs; tmpfs, which forgets */
    bool mounted, disk_mounted;
} volume;

/* NULL when volumes of that type can be made here, else the reason why not. From then on mounts
 * are seen by this process and its children only, and go when they have gone. */
const char *volume_missing(const char *type);

void volume_make(volume *v, const char *type, unsigned mib); /* made and mounted */
void volume_mount(volume *v);
void volume_unmount(volume *v); /* waits a while for those who are still dying on it */
/* Power goes: nothing that is not on the disk by now will ever be. Unmount and mount to look. */
void volume_cut(const volume *v);
void volume_free(volume *v);

/* The parts of it. An image is a file, or what stands in for one. Unmounting waits for those who are still
 * dying on it. */
bool volume_format(const char *type, const char *image, unsigned mib);
bool volume_mount_image(const char *type, const char *image, const char *where);
void volume_unmount_from(const char *where, bool *mounted);

/* Write a file until not one byte more fits; its removal gives the space back. */
void volume_fill(const volume *v);
void volume_relieve(const volume *v);

#endif
