/* tool_says.h - the tool once, as typed, and a part of what it says: for tests that need no more of it. */
#ifndef WEIR_TESTS_TOOL_SAYS_H
#define WEIR_TESTS_TOOL_SAYS_H

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "support.h"

static inline void tool_says(const char *arguments, int code, const char *part) {
    static char out[1 << 16];
    char command[2000];
    (void)snprintf(command, sizeof command, "exec %s %s 2>&1", WEIR_RECOVER, arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t got = fread(out, 1, sizeof out - 1, pipe);
    out[got] = 0;
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != code || !strstr(out, part))
        fail_msg("%s: exit %d, not %d and '%s':\n%s", arguments, WEXITSTATUS(status), code, part,
                 out);
}

#endif
