# <weir/weir.hpp> compiles with every compiler that is here, in each version of C++, with and without
# exceptions and formats. What must not compile does not, and says why. An append is one call.
# shellcheck disable=SC2086 # $strict is a list
set -eu
[ -n "$WEIR_CXX" ] || { echo "skipped: there is no C++ compiler"; exit 77; }
[ -z "$WEIR_SANITIZE" ] || { echo "skipped: a sanitizer changes nothing of it"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

strict="-Wall -Wextra -Wconversion -Wshadow -pedantic -Werror -I$WEIR_SOURCE_DIR/include"
failed=0
wrong() { echo "$1"; failed=1; }

compiles() { # COMPILER OPTION …: the forms
    "$@" $strict -fsyntax-only "$WEIR_SOURCE_DIR/tests/system/cpp_forms.cpp" >"$dir/said" 2>&1 ||
        { cat "$dir/said"; wrong "does not compile: $*"; }
}

for name in "$WEIR_CXX" g++ clang++ clang++-19; do
    ! command -v "$name" >/dev/null || readlink -f "$(command -v "$name")"
done | sort -u >"$dir/compilers"
while read -r compiler; do
    for standard in 17 20 2b; do
        compiles "$compiler" -std=c++$standard
        compiles "$compiler" -std=c++$standard -fno-exceptions
    done
    compiles "$compiler" -std=c++17 -DWEIR_NO_FMT
done <"$dir/compilers"

# What must not compile: the C++, then a part of what the compiler must say.
refused() { # WANTED CODE [OPTION …]
    wanted=$1 code=$2
    shift 2
    cat >"$dir/refused.cpp" <<END
#include <weir/weir.hpp>
struct point { int x, y; };
struct pointed { void *p; };
WEIR_FIELDS(pointed, p)
void f(weir::database &db, weir::table &t) { (void)db; (void)t; $code; }
END
    if "$WEIR_CXX" -std=c++17 $strict -fsyntax-only "$@" "$dir/refused.cpp" >"$dir/said" 2>&1; then
        wrong "compiles: $code"
    elif ! grep -q "error: .*$wanted" "$dir/said"; then
        cat "$dir/said"
        wrong "does not say \"$wanted\": $code"
    fi
}

no_value="weir: this is no value of a row. Pass a bool"
refused "$no_value" "t.append(point{1, 2})"
refused "$no_value" "t.append(1, 'x')"
refused "$no_value" "t.append(1.0L)"
refused "$no_value" "void *p = nullptr; t.append(p)"
refused "$no_value" "unsigned char *p = nullptr; t.append(p)"
refused "$no_value" 't.append(L"wide")'
refused "$no_value" "t.append(std::optional<point>())"
refused "$no_value" "(void)t.try_append(std::vector<int>(3))" -include vector
refused "weir: a row has at least one value" "t.append()"
refused "weir: say which members are columns" 'weir::typed_table<point> p(db, "points")'
refused "weir: a member of this type is no column" 'weir::typed_table<pointed> p(db, "points")'
refused "weir: formats with {} need" 'db.log_info("{}", 1)' -DWEIR_NO_FMT
refused "ignoring return" "t.try_append(1)"
refused "ignoring return" "db.try_close()"
refused "ignoring return" "db.sync(WEIR_APPLIED, std::chrono::seconds(1))"
refused "deleted" "weir::database other(db)"
refused "include <weir/weir.hpp> before the C headers" "" -include weir/weir.h
echo '#include <fmt/core.h>' | "$WEIR_CXX" -x c++ -fsyntax-only - 2>/dev/null &&
    refused "" 'db.log_info("{:d}", "no number")' -std=c++20
# A control: the frame around these compiles.
(refused "" "t.append(1)") | grep -q "^compiles: t.append(1)$" || wrong "nothing would compile"

# With optimisation an append is the call of C's and nothing else on the way.
cat >"$dir/append.cpp" <<'END'
#include <weir/weir.hpp>
void append(weir::table &t) { t.append(1, 2.5, "x", std::nullopt); }
END
"$WEIR_CXX" -std=c++17 -O2 -fno-asynchronous-unwind-tables -S -o "$dir/append.s" \
    "-I$WEIR_SOURCE_DIR/include" "$dir/append.cpp"
calls=$(sed -n '/^_Z6appendRN4weir5tableE:/,/ret/p' "$dir/append.s" | grep -cE 'call|bl[[:space:]]')
[ "$calls" = 1 ] || { cat "$dir/append.s"; wrong "an append makes $calls calls"; }

exit $failed
