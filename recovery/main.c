/* main.c - weir, the tool for people; as weir-recover it recovers without being told to. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "exits.h"
#include "extensions.h"
#include "remembered.h"
#include "report.h"
#include "stop.h"
#include "verbs.h"

enum { STDOUT_BYTES = 1 << 16 };

/* A report that could not be written is a failure: a full disk must not look like success. */
static int finish_output(int code) {
    errno = 0;
    bool failed = ferror(stdout) != 0;
    failed |= fflush(stdout) != 0;
    if (!failed) return code;
    weir_report_note("cannot write to stdout: %s",
                     errno ? strerror(errno) : "an earlier write failed");
    return WEIR_EXIT_FAILED;
}

static int end_tool(int code) {
    code = finish_output(code);
    if (weir_stop_signal()) weir_stop_end();
    return code;
}

int main(int argc, char **argv) {
    weir_arguments arguments;
    weir_place place;
    weir_error error = {0};
    (void)signal(SIGXFSZ,
                 SIG_IGN); /* a limit of file sizes is an error, not the end; cannot fail */
    weir_arguments_parse(argc, argv, &arguments);
    (void)setvbuf(stdout, NULL, _IOFBF, STDOUT_BYTES); /* only speed depends on it */
    const weir_verb_entry *verb = &weir_verbs[arguments.verb];
    if (verb->elsewhere) return end_tool(verb->run(&arguments, NULL));
    int status = weir_remembered_place(weir_os_posix(), &arguments, &place, &error);
    if (status == WEIR_OK) status = weir_extensions_check(&arguments, &error);
    int code =
        status == WEIR_OK ? verb->run(&arguments, &place) : weir_report_error(&arguments, &error);
    weir_place_free(&place);
    return end_tool(code);
}
