/* late.c - preloaded into the tool: behind the first file that it deletes from an archive, $WEIR_LATE
 * gets the name $WEIR_LATE_NAME, as if another process had made it just then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weir/weir.h>

WEIR_API int unlinkat(int dirfd, const char *path, int flags) {
    int result = (int)syscall(SYS_unlinkat, dirfd, path, flags);
    const char *late = getenv("WEIR_LATE"), *name = getenv("WEIR_LATE_NAME");
    /* Only the first time: afterwards there is no such file. */
    if (result == 0 && late && name && strstr(path, "/archive/")) (void)rename(late, name);
    return result;
}
