/* weir/each.h - the arguments of a variadic macro: how many, and each through a macro.
 * Included by weir.h; there is nothing in it for a program to call. */
#ifndef WEIR_EACH_H
#define WEIR_EACH_H

/* How many there are, 1 … 64; WEIR_MANY up to 127, which is no number. */
#define WEIR_COUNT_(...)                                                                           \
    WEIR_PICK_(                                                                                    \
        __VA_ARGS__, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY,  \
        WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY,    \
        WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY,    \
        WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY,    \
        WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY,    \
        WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY,    \
        WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY,    \
        WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY, WEIR_MANY,    \
        64, 63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43,    \
        42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21,    \
        20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define WEIR_PICK_(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17,     \
                   a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32, a33, \
                   a34, a35, a36, a37, a38, a39, a40, a41, a42, a43, a44, a45, a46, a47, a48, a49, \
                   a50, a51, a52, a53, a54, a55, a56, a57, a58, a59, a60, a61, a62, a63, a64, a65, \
                   a66, a67, a68, a69, a70, a71, a72, a73, a74, a75, a76, a77, a78, a79, a80, a81, \
                   a82, a83, a84, a85, a86, a87, a88, a89, a90, a91, a92, a93, a94, a95, a96, a97, \
                   a98, a99, a100, a101, a102, a103, a104, a105, a106, a107, a108, a109, a110,     \
                   a111, a112, a113, a114, a115, a116, a117, a118, a119, a120, a121, a122, a123,   \
                   a124, a125, a126, a127, count, ...)                                             \
    count

/* m(first), n(second), m(third), …; of WEIR_MANY a zero. */
#define WEIR_EACH_(m, n, ...) WEIR_EACH_OF_(WEIR_COUNT_(__VA_ARGS__), m, n, __VA_ARGS__)
#define WEIR_EACH_OF_(count, m, n, ...) WEIR_EACH_N_(count, m, n, __VA_ARGS__)
#define WEIR_EACH_N_(count, m, n, ...) WEIR_EACH_##count##_(m, n, __VA_ARGS__)
#define WEIR_EACH_WEIR_MANY_(m, n, ...) 0
#define WEIR_EACH_1_(m, n, x) m(x)
#define WEIR_EACH_2_(m, n, x, ...) m(x), WEIR_EACH_1_(n, m, __VA_ARGS__)
#define WEIR_EACH_3_(m, n, x, ...) m(x), WEIR_EACH_2_(n, m, __VA_ARGS__)
#define WEIR_EACH_4_(m, n, x, ...) m(x), WEIR_EACH_3_(n, m, __VA_ARGS__)
#define WEIR_EACH_5_(m, n, x, ...) m(x), WEIR_EACH_4_(n, m, __VA_ARGS__)
#define WEIR_EACH_6_(m, n, x, ...) m(x), WEIR_EACH_5_(n, m, __VA_ARGS__)
#define WEIR_EACH_7_(m, n, x, ...) m(x), WEIR_EACH_6_(n, m, __VA_ARGS__)
#define WEIR_EACH_8_(m, n, x, ...) m(x), WEIR_EACH_7_(n, m, __VA_ARGS__)
#define WEIR_EACH_9_(m, n, x, ...) m(x), WEIR_EACH_8_(n, m, __VA_ARGS__)
#define WEIR_EACH_10_(m, n, x, ...) m(x), WEIR_EACH_9_(n, m, __VA_ARGS__)
#define WEIR_EACH_11_(m, n, x, ...) m(x), WEIR_EACH_10_(n, m, __VA_ARGS__)
#define WEIR_EACH_12_(m, n, x, ...) m(x), WEIR_EACH_11_(n, m, __VA_ARGS__)
#define WEIR_EACH_13_(m, n, x, ...) m(x), WEIR_EACH_12_(n, m, __VA_ARGS__)
#define WEIR_EACH_14_(m, n, x, ...) m(x), WEIR_EACH_13_(n, m, __VA_ARGS__)
#define WEIR_EACH_15_(m, n, x, ...) m(x), WEIR_EACH_14_(n, m, __VA_ARGS__)
#define WEIR_EACH_16_(m, n, x, ...) m(x), WEIR_EACH_15_(n, m, __VA_ARGS__)
#define WEIR_EACH_17_(m, n, x, ...) m(x), WEIR_EACH_16_(n, m, __VA_ARGS__)
#define WEIR_EACH_18_(m, n, x, ...) m(x), WEIR_EACH_17_(n, m, __VA_ARGS__)
#define WEIR_EACH_19_(m, n, x, ...) m(x), WEIR_EACH_18_(n, m, __VA_ARGS__)
#define WEIR_EACH_20_(m, n, x, ...) m(x), WEIR_EACH_19_(n, m, __VA_ARGS__)
#define WEIR_EACH_21_(m, n, x, ...) m(x), WEIR_EACH_20_(n, m, __VA_ARGS__)
#define WEIR_EACH_22_(m, n, x, ...) m(x), WEIR_EACH_21_(n, m, __VA_ARGS__)
#define WEIR_EACH_23_(m, n, x, ...) m(x), WEIR_EACH_22_(n, m, __VA_ARGS__)
#define WEIR_EACH_24_(m, n, x, ...) m(x), WEIR_EACH_23_(n, m, __VA_ARGS__)
#define WEIR_EACH_25_(m, n, x, ...) m(x), WEIR_EACH_24_(n, m, __VA_ARGS__)
#define WEIR_EACH_26_(m, n, x, ...) m(x), WEIR_EACH_25_(n, m, __VA_ARGS__)
#define WEIR_EACH_27_(m, n, x, ...) m(x), WEIR_EACH_26_(n, m, __VA_ARGS__)
#define WEIR_EACH_28_(m, n, x, ...) m(x), WEIR_EACH_27_(n, m, __VA_ARGS__)
#define WEIR_EACH_29_(m, n, x, ...) m(x), WEIR_EACH_28_(n, m, __VA_ARGS__)
#define WEIR_EACH_30_(m, n, x, ...) m(x), WEIR_EACH_29_(n, m, __VA_ARGS__)
#define WEIR_EACH_31_(m, n, x, ...) m(x), WEIR_EACH_30_(n, m, __VA_ARGS__)
#define WEIR_EACH_32_(m, n, x, ...) m(x), WEIR_EACH_31_(n, m, __VA_ARGS__)
#define WEIR_EACH_33_(m, n, x, ...) m(x), WEIR_EACH_32_(n, m, __VA_ARGS__)
#define WEIR_EACH_34_(m, n, x, ...) m(x), WEIR_EACH_33_(n, m, __VA_ARGS__)
#define WEIR_EACH_35_(m, n, x, ...) m(x), WEIR_EACH_34_(n, m, __VA_ARGS__)
#define WEIR_EACH_36_(m, n, x, ...) m(x), WEIR_EACH_35_(n, m, __VA_ARGS__)
#define WEIR_EACH_37_(m, n, x, ...) m(x), WEIR_EACH_36_(n, m, __VA_ARGS__)
#define WEIR_EACH_38_(m, n, x, ...) m(x), WEIR_EACH_37_(n, m, __VA_ARGS__)
#define WEIR_EACH_39_(m, n, x, ...) m(x), WEIR_EACH_38_(n, m, __VA_ARGS__)
#define WEIR_EACH_40_(m, n, x, ...) m(x), WEIR_EACH_39_(n, m, __VA_ARGS__)
#define WEIR_EACH_41_(m, n, x, ...) m(x), WEIR_EACH_40_(n, m, __VA_ARGS__)
#define WEIR_EACH_42_(m, n, x, ...) m(x), WEIR_EACH_41_(n, m, __VA_ARGS__)
#define WEIR_EACH_43_(m, n, x, ...) m(x), WEIR_EACH_42_(n, m, __VA_ARGS__)
#define WEIR_EACH_44_(m, n, x, ...) m(x), WEIR_EACH_43_(n, m, __VA_ARGS__)
#define WEIR_EACH_45_(m, n, x, ...) m(x), WEIR_EACH_44_(n, m, __VA_ARGS__)
#define WEIR_EACH_46_(m, n, x, ...) m(x), WEIR_EACH_45_(n, m, __VA_ARGS__)
#define WEIR_EACH_47_(m, n, x, ...) m(x), WEIR_EACH_46_(n, m, __VA_ARGS__)
#define WEIR_EACH_48_(m, n, x, ...) m(x), WEIR_EACH_47_(n, m, __VA_ARGS__)
#define WEIR_EACH_49_(m, n, x, ...) m(x), WEIR_EACH_48_(n, m, __VA_ARGS__)
#define WEIR_EACH_50_(m, n, x, ...) m(x), WEIR_EACH_49_(n, m, __VA_ARGS__)
#define WEIR_EACH_51_(m, n, x, ...) m(x), WEIR_EACH_50_(n, m, __VA_ARGS__)
#define WEIR_EACH_52_(m, n, x, ...) m(x), WEIR_EACH_51_(n, m, __VA_ARGS__)
#define WEIR_EACH_53_(m, n, x, ...) m(x), WEIR_EACH_52_(n, m, __VA_ARGS__)
#define WEIR_EACH_54_(m, n, x, ...) m(x), WEIR_EACH_53_(n, m, __VA_ARGS__)
#define WEIR_EACH_55_(m, n, x, ...) m(x), WEIR_EACH_54_(n, m, __VA_ARGS__)
#define WEIR_EACH_56_(m, n, x, ...) m(x), WEIR_EACH_55_(n, m, __VA_ARGS__)
#define WEIR_EACH_57_(m, n, x, ...) m(x), WEIR_EACH_56_(n, m, __VA_ARGS__)
#define WEIR_EACH_58_(m, n, x, ...) m(x), WEIR_EACH_57_(n, m, __VA_ARGS__)
#define WEIR_EACH_59_(m, n, x, ...) m(x), WEIR_EACH_58_(n, m, __VA_ARGS__)
#define WEIR_EACH_60_(m, n, x, ...) m(x), WEIR_EACH_59_(n, m, __VA_ARGS__)
#define WEIR_EACH_61_(m, n, x, ...) m(x), WEIR_EACH_60_(n, m, __VA_ARGS__)
#define WEIR_EACH_62_(m, n, x, ...) m(x), WEIR_EACH_61_(n, m, __VA_ARGS__)
#define WEIR_EACH_63_(m, n, x, ...) m(x), WEIR_EACH_62_(n, m, __VA_ARGS__)
#define WEIR_EACH_64_(m, n, x, ...) m(x), WEIR_EACH_63_(n, m, __VA_ARGS__)

#ifndef __cplusplus
_Static_assert(WEIR_COUNT_(a) == 1 && WEIR_COUNT_(a, b, c) == 3, "arguments are counted");
#endif

#endif
