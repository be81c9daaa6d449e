/* attach.c - preloaded into a program under test: before main, and after the loader has done its
 * work, it starts strace on its own process with the options in $WEIR_STRACE and waits until strace
 * holds it. So calls are counted from the program's own first, and the program itself is unchanged. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

static void become_strace(char *options, pid_t target) {
    char pid[16],
        *arguments[32] = {(char *)"strace", (char *)"-f", (char *)"-qq", (char *)"-p", pid};
    size_t count = 5;
    (void)snprintf(pid, sizeof pid, "%d", (int)target);
    for (char *word = strtok(options, " "); word && count < 31; word = strtok(NULL, " "))
        arguments[count++] = word;
    (void)unsetenv("LD_PRELOAD");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(arguments[0], arguments);
    _exit(127);
}

/* By no call that a test lets fail: strace may hold us already. */
static int traced(int status) {
    char text[4096];
    (void)lseek(status, 0, SEEK_SET);
    struct iovec all = {text, sizeof text - 1};
    ssize_t length = readv(status, &all, 1);
    if (length < 0) return 0;
    text[length] = '\0';
    const char *tracer = strstr(text, "TracerPid:");
    return tracer && strtol(tracer + strlen("TracerPid:"), NULL, 10) != 0;
}

__attribute__((constructor)) static void attach(void) {
    char *options = getenv("WEIR_STRACE");
    pid_t target = getpid();
    if (!options) return;
    (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* where only descendants may be traced */
    int status = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    pid_t child = fork();
    if (child == 0) become_strace(options, target);
    (void)unsetenv("LD_PRELOAD");
    (void)unsetenv("WEIR_STRACE");
    for (int ms = 0; !traced(status); ms++) {
        if (ms > 10000) _exit(126); /* the test tells this from every answer of the program */
        usleep(1000);
    }
    (void)close(status);
}
