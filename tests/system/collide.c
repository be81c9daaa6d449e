/* collide.c - not built by CMake: test_amalgamation.sh puts two copies of it, of different names, into
 * a copy of lib. Whatever a source file may define for itself stands here, so that it meets its twin.
 * NAME becomes the copy's, NUMBER is 1 or 2. */
#include <stddef.h>
#include <stdint.h>

#define LIMIT (NUMBER * 10)
#define FIRST_OF(a, b) (a)

enum { ZERO, NAMELESS = NUMBER };
typedef enum kind { PLAIN = 1, ODD = PLAIN + NUMBER } kind;
struct item {
    int value;
    struct item *next;
};
typedef struct {
    int value[NUMBER];
    kind kind;
} numbers;
union either {
    int whole;
    float part;
};
typedef int (*callback)(int, const struct item *);

int weir_collide_NAME(void);

static int helper(int n, const struct item *item);

static int counter = NUMBER, other = FIRST_OF(4, (5)), list[3] = {1, 2, NUMBER};
static _Thread_local int slot = NUMBER;
static const char *const words[] = {[ZERO] = "counter", [NAMELESS] = "it's; } {"};
static const struct {
    const char *name;
    int code;
} table[] = {{"helper", 7}, {"slot", NUMBER}};
static struct item tail = {.value = LIMIT}, head = {.value = 2, .next = &tail};
static int (*chosen)(int, const struct item *) = helper;
static callback again = helper;

#if NUMBER > 0
static int conditional(void) { return LIMIT; }
#else
static int conditional(void) { return -1; }
#endif

static inline __attribute__((always_inline)) int quick(int n) { return n + NUMBER; }

__attribute__((noinline)) static int attributed(const char *word) { return word[0]; }

static int helper(int n, const struct item *item) {
    struct {
        int counter, helper;
        callback again;
    } s = {.counter = n, .helper = item->value, .again = NULL};
    const union either either = {.whole = s.counter};
    if (n > LIMIT) goto slot;
    counter += s.helper;
slot:
    return counter + either.whole + (int)offsetof(numbers, kind) + (s.again != NULL);
}

int weir_collide_NAME(void) {
    static int calls;
    const int list_of_all = list[0] + list[1] + list[2];
    calls++;
    return calls + list_of_all + other + slot + attributed(words[NAMELESS]) + table[1].code +
           chosen(2, &head) + again(NUMBER, head.next) + conditional() + quick(ODD);
}
