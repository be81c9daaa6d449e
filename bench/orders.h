/* orders.h - the message of the bench log, and its four arguments: three numbers and a short text.
 * Knows nothing of weir: the peers' programs, which are C++, use it too. */
#ifndef WEIR_BENCH_ORDERS_H
#define WEIR_BENCH_ORDERS_H

#include <stdint.h>

#define ORDER_FORMAT "order %d of %s filled at %.2f, %d left"

typedef struct order {
    int id;
    const char *symbol;
    double price;
    int left;
} order;

static inline order order_of(uint64_t number) {
    static const char *const symbols[] = {"IBM",   "ACME", "WEIR",  "GLOBEX",
                                          "HOOLI", "INIT", "STARK", "UMBRELLA"};
    order o;
    o.id = (int)(number & 0x3FFFFFFF);
    o.symbol = symbols[number & 7];
    o.price = 20 + (double)(number * 7919 & 4095) / 8;
    o.left = (int)(number * 31 & 1023);
    return o;
}

#endif
