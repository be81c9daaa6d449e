/* terminal.c - the terminal while weir watch has it.
 *
 * A handful of sequences that every terminal since the VT100 knows (ECMA-48, and xterm's second
 * screen) do; a library for more of them would be one more thing for the tool to link. */
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS = 80, LINES = 24, COLUMNS_MIN = 20, LINES_MIN = 4 };

/* Second screen, hidden cursor; and back. */
static const char enter[] = "\033[?1049h\033[?25l\033[2J", leave[] = "\033[?25h\033[?1049l";
static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP};
enum { TAKEN = sizeof taken / sizeof taken[0] };

/* Written by the handler, read by the same thread while the signals are blocked. */
static volatile sig_atomic_t quit_asked, size_changed, stop_asked;

static void on_signal(int number) {
    if (number == SIGWINCH)
        size_changed = 1;
    else if (number == SIGTSTP)
        stop_asked = 1;
    else
        quit_asked = 1;
}

static void write_all(const char *text) {
    fputs(text, stdout);
    (void)fflush(stdout); /* a terminal that has gone is noticed when the next screen is shown */
}

static void take_screen(weir_terminal *t) {
    if (t->keys) {
        struct termios raw = t->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* ISIG stays: Ctrl-C and Ctrl-Z are signals */
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw); /* else keys come after Enter */
    }
    if (t->screen) write_all(enter);
}

static void give_screen_back(weir_terminal *t) {
    if (t->screen) write_all(leave);
    if (t->keys) (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &t->before); /* nothing else to be done */
}

static bool is_dumb(void) {
    const char *name = getenv("TERM");
    return !name || !*name || strcmp(name, "dumb") == 0;
}

void weir_terminal_begin(weir_terminal *t, bool wants_screen) {
    const char *no_colours = getenv("NO_COLOR");
    sigset_t blocked;
    *t = (weir_terminal){.screen = wants_screen && isatty(STDOUT_FILENO) && !is_dumb()};
    t->keys = t->screen && isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &t->before) == 0;
    t->colours = t->screen && !(no_colours && *no_colours);
    (void)sigemptyset(&blocked); /* these cannot fail */
    for (size_t i = 0; i < TAKEN; i++) {
        struct sigaction action = {.sa_handler = on_signal};
        if (taken[i] == SIGTSTP && !t->screen) continue;
        (void)sigaddset(&blocked, taken[i]);
        (void)sigaction(taken[i], &action, NULL);
    }
    (void)sigprocmask(SIG_BLOCK, &blocked, &t->unblocked);
    take_screen(t);
}

void weir_terminal_end(weir_terminal *t) { give_screen_back(t); }

/* As the shell expects it: the screen is given back, and taken again when it goes on. */
static void stop_here(weir_terminal *t) {
    stop_asked = 0;
    give_screen_back(t);
    (void)raise(SIGSTOP); /* cannot fail */
    take_screen(t);
}

static bool key_quits(weir_terminal *t) {
    char keys[64];
    ssize_t got = read(STDIN_FILENO, keys, sizeof keys);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) t->keys = false; /* it ended */
    return got > 0 && (memchr(keys, 'q', (size_t)got) || memchr(keys, 'Q', (size_t)got));
}

weir_terminal_event weir_terminal_wait(weir_terminal *t, uint64_t now_ns, uint64_t deadline_ns) {
    uint64_t left = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    struct timespec timeout = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
    struct pollfd key = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = ppoll(&key, t->keys ? 1 : 0, &timeout, &t->unblocked);
    if (quit_asked || (ready > 0 && key_quits(t))) return WEIR_TERMINAL_QUIT;
    if (stop_asked) {
        stop_here(t);
        return WEIR_TERMINAL_REDRAW;
    }
    if (!size_changed) return ready > 0 ? WEIR_TERMINAL_REDRAW : WEIR_TERMINAL_TIME;
    size_changed = 0;
    return WEIR_TERMINAL_REDRAW;
}

void weir_terminal_size(int *columns, int *lines) {
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;
    *columns = known ? size.ws_col : COLUMNS;
    *lines = known ? size.ws_row : LINES;
    if (*columns < COLUMNS_MIN) *columns = COLUMNS_MIN;
    if (*lines < LINES_MIN) *lines = LINES_MIN;
}

bool weir_terminal_show(const char *text, size_t bytes) {
    fputs("\033[H", stdout);
    fwrite(text, 1, bytes, stdout);
    fputs("\033[J", stdout);
    return fflush(stdout) == 0;
}
