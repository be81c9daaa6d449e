#include "grouped.h"

#include <stdio.h>

const char *grouped(int number) {
    static char texts[8][16];
    static unsigned turn;
    char *text = texts[turn++ % 8];
    if (number < 1000)
        snprintf(text, sizeof texts[0], "%d", number);
    else if (number < 1000000)
        snprintf(text, sizeof texts[0], "%d,%03d", number / 1000, number % 1000);
    else
        snprintf(text, sizeof texts[0], "%d,%03d,%03d", number / 1000000, number / 1000 % 1000,
                 number % 1000);
    return text;
}
