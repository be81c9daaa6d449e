/* nearest.c - names of verbs and options that resemble a word. */
#include "nearest.h"

#include <stdio.h>
#include <string.h>

#include "verbs.h"

enum { NAME_MOST = 31, FAR = 3 };

/* How many letters to change, add, drop or swap with the next one make one word of the other; FAR: that
 * many or more. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    unsigned d[NAME_MOST + 1][NAME_MOST + 1];
    if (a_length > NAME_MOST || b_length > NAME_MOST) return FAR;
    for (size_t i = 0; i <= a_length; i++) {
        for (size_t j = 0; j <= b_length; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            unsigned least = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < least) least = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < least) least = d[i][j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && d[i - 2][j - 2] + 1 < least) least = d[i - 2][j - 2] + 1;
            d[i][j] = least;
        }
    }
    return d[a_length][b_length];
}

typedef struct search {
    const char *word;
    size_t length;
    unsigned least; /* at first what is too far; half of a short word says nothing */
} search;

static search look_for(const char *word) {
    size_t length = strcspn(word, "=");
    return (search){word, length, length < 4 ? 2 : FAR};
}

static bool is_nearer(search *s, const char *name, size_t length) {
    unsigned far = distance(s->word, s->length, name, length);
    bool nearer = far < s->least;
    if (nearer) s->least = far;
    return nearer;
}

const char *weir_nearest_verb(const char *group, const char *word) {
    static char name[2 * NAME_MOST];
    search s = look_for(word);
    size_t first = group ? strlen(group) + 1 : 0;
    name[0] = 0;
    for (int i = 0; i < WEIR_VERBS; i++) {
        const char *verb = weir_verbs[i].name;
        bool of_group = !group || (strncmp(verb, group, first - 1) == 0 && verb[first - 1] == ' ');
        if (!of_group) continue;
        size_t length = strcspn(verb + first, " ");
        if (is_nearer(&s, verb + first, length))
            (void)snprintf(name, sizeof name, "%.*s", (int)(first + length), verb); /* it fits */
    }
    return name[0] ? name : NULL;
}

const char *weir_nearest_option(const char *word) {
    search s = look_for(word);
    const char *name = NULL;
    for (const weir_option *o = weir_options_table; o->name; o++)
        if (is_nearer(&s, o->name, strlen(o->name))) name = o->name;
    return name;
}

const weir_option *weir_option_named(const char *word) {
    bool is_long = strncmp(word, "--", 2) == 0;
    size_t length = is_long ? strcspn(word + 2, "=") : 0;
    const weir_option *begins = NULL;
    for (const weir_option *o = weir_options_table; o->name; o++) {
        if (!is_long && word[0] == '-' && word[1] && o->letter == word[1] && !word[2]) return o;
        if (!is_long || strncmp(o->name, word + 2, length) != 0) continue;
        if (!o->name[length]) return o;
        begins = o; /* several: getopt says so */
    }
    return begins;
}
