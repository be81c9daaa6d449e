# What weir_append() and its like cannot take does not compile, and the compiler says why; what they
# can take compiles without a warning. With every compiler of the two that is there.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

strict="-std=c11 -pedantic -Wall -Wextra -Wconversion -Wshadow -Wdouble-promotion -Werror"

program() { # STATEMENT
    cat <<END
#include <stdbool.h>
#include <weir/log.h>
#include <weir/sqlite.h>
struct pair { int a, b; };
struct bits { unsigned few : 3; };
int f(weir *w, weir_table *t, weir_ticket *k, long double ld, struct pair p, int *ip, unsigned char *uc,
      const weir_value v, struct bits b, const char *s);
int f(weir *w, weir_table *t, weir_ticket *k, long double ld, struct pair p, int *ip, unsigned char *uc,
      const weir_value v, struct bits b, const char *s) {
    (void)w, (void)t, (void)k, (void)ld, (void)p, (void)ip, (void)uc, (void)v, (void)b, (void)s;
    $1
    return 0;
}
END
}

compiles() { # STATEMENT
    program "$1" >program.c
    # shellcheck disable=SC2086 # $strict is a list
    $compiler $strict -fsyntax-only -I"$WEIR_SOURCE_DIR/include" program.c >said 2>&1
}

taken() {
    compiles "$1" || { cat said; echo "$compiler refuses: $1"; exit 1; }
}

refused() { # STATEMENT WORDS
    if compiles "$1"; then echo "$compiler takes: $1"; exit 1; fi
    grep -q "$2" said || { cat said; echo "$compiler does not say \"$2\" of: $1"; exit 1; }
}

numbers=$(seq -s ', ' 64)
found=0
for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    found=1
    taken 'return weir_append(t, 7, 9.5, "x", NULL);'
    taken 'return weir_append_ticket(t, k, v, 1.0f, s, true, (char)1, sizeof p, weir_blob(uc, 2));'
    taken 'return weir_append(t, weir_append(t, 1, weir_null()), (p.a > 1 ? 2 : 3), b.few + 0);'
    taken 'return weir_append(t, (const void *)0, (const char *)uc, weir_real((double)ld));'
    taken "return weir_append(t, $numbers);"
    taken 'weir_log_kv(w, WEIR_INFO, "m", "a", 1, "b", v); weir_log_kv(w, WEIR_INFO, "m", s, NULL);'
    refused 'return weir_append(t, 1, ld);' weir_takes_no_value_of_this_type
    refused 'return weir_append(t, p);' weir_takes_no_value_of_this_type
    refused 'return weir_append(t, ip, 1);' weir_takes_no_value_of_this_type
    refused 'return weir_append(t, uc);' weir_takes_no_value_of_this_type
    refused 'return weir_append(t, f);' weir_takes_no_value_of_this_type
    refused 'return weir_append_ticket(t, k, 1, w);' weir_takes_no_value_of_this_type
    refused 'return weir_append(t);' error
    refused "return weir_append(t, $numbers, 65);" error
    refused "return weir_append(t, $numbers, s, s);" error
    refused 'weir_log_kv(w, WEIR_INFO, "m", "a");' "a name has no value"
    refused 'weir_log_kv(w, WEIR_INFO, "m", "a", 1, "b");' "a name has no value"
    refused 'weir_log_kv(w, WEIR_INFO, "m", "a", ld);' weir_takes_no_value_of_this_type
    refused 'weir_log_kv(w, WEIR_INFO, "m", 1, 2);' error
done
[ $found = 1 ] || { echo "skipped: neither gcc nor clang"; exit 77; }
