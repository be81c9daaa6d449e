# What is installed can be used: pkg-config and CMake find it, a program builds against it and runs,
# and the shared library exports the documented names and no others.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
[ -z "$WEIR_SANITIZE" ] || { echo "skipped: a sanitized library is not for installing"; exit 77; }

DESTDIR=$dir/stage cmake --install "$WEIR_BINARY_DIR" --prefix /usr >/dev/null
pc=$(dirname "$(find "$dir/stage" -name weir.pc)")
lib=$(dirname "$pc")
for tool in weir weir-recover weir-log; do
    [ -x "$dir/stage/usr/bin/$tool" ]
    [ -s "$dir/stage/usr/share/man/man1/$tool.1" ]
done
if [ -e "$WEIR_BINARY_DIR/recovery/weir-exporter" ]; then
    [ -x "$dir/stage/usr/bin/weir-exporter" ]
    [ -s "$dir/stage/usr/share/man/man1/weir-exporter.1" ]
fi
[ -s "$dir/stage/usr/share/bash-completion/completions/weir-recover" ]
[ -s "$dir/stage/usr/share/zsh/site-functions/_weir" ]
[ -s "$dir/stage/usr/share/fish/vendor_completions.d/weir.fish" ]
[ -s "$dir/stage/usr/share/fish/vendor_completions.d/weir-recover.fish" ]
[ -s "$dir/stage/usr/share/weir/lnav/weir.json" ]
[ -s "$dir/stage/usr/include/weir/weir.hpp" ]
[ -s "$dir/stage/usr/share/man/man7/weir.7" ]
! command -v python3 >/dev/null || [ -s "$dir/stage/usr/share/man/man3/weir_append.3" ]
[ ! -e "$WEIR_BINARY_DIR/extension/weir_sqlite.so" ] || [ -s "$lib/weir/weir_sqlite.so" ]
export PKG_CONFIG_PATH="$pc"

cc "$WEIR_SOURCE_DIR/examples/minimal.c" -o "$dir/minimal" $(pkg-config --cflags --libs weir)
cd "$dir"
LD_LIBRARY_PATH=$lib ./minimal >/dev/null
[ "$(sqlite3 run.db 'SELECT count(*) FROM prices')" = 1000 ]

# The static library, with what its .pc names.
cc "$WEIR_SOURCE_DIR/examples/minimal.c" -o "$dir/static" \
    $(pkg-config --static --cflags --libs weir | sed 's/-lweir /-l:libweir.a /')
ldd static | grep libweir && { echo "linked with the shared library"; exit 1; }
rm -rf run.db run.db-*
./static >/dev/null
[ "$(sqlite3 run.db 'SELECT count(*) FROM prices')" = 1000 ]

# As docs/POSTGRES.md has it. Without a server: what it is given is no connection string.
if [ -e "$lib/libweir-postgres.so" ]; then
    block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$WEIR_SOURCE_DIR/docs/POSTGRES.md" | sed '1d;$d'; }
    mkdir postgres
    block 'c attach.c' >postgres/attach.c
    block 'cmake CMakeLists.txt' >postgres/CMakeLists.txt
    refuses() { # COMMAND …
        LD_LIBRARY_PATH=$lib "$@" 'hots=here' >said 2>&1 && exit 1
        grep -q 'libpq does not understand the connection string' said
    }
    cc postgres/attach.c -o attach $(pkg-config --cflags --libs weir-postgres)
    refuses ./attach
    cmake -G Ninja -S postgres -B postgres/build -DCMAKE_PREFIX_PATH="$dir/stage/usr" >/dev/null
    cmake --build postgres/build >/dev/null
    refuses postgres/build/attach
    rm -rf run.db run.db-*
fi

mkdir project
cat >project/CMakeLists.txt <<'EOF'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(weir 1.0 REQUIRED)
foreach(kind weir weir_static)
    add_executable(with_${kind} main.c)
    target_link_libraries(with_${kind} PRIVATE weir::${kind})
endforeach()
EOF
cp "$WEIR_SOURCE_DIR/examples/survives_abort.c" project/main.c
cmake -G Ninja -S project -B project/build -DCMAKE_PREFIX_PATH="$dir/stage/usr" >/dev/null
cmake --build project/build >/dev/null
ldd project/build/with_weir_static | grep libweir && { echo "weir_static is shared"; exit 1; }

# Every documented name is exported and declared in a public header, and no other. What has a version
# with PRIVATE in its name is for the parts of weir alone.
headers="$dir/stage/usr/include/weir"
same_names() { # LIBRARY VERSION MAP HEADER …
    library=$1 version=$2 map=$3
    shift 3
    nm -D --defined-only "$lib/$library" | sed -n "s/.* [TDBR] \\(.*\\)@@$version\$/\\1/p" | sort >exported
    sed -n "/^$version/,/^}/s/^    \\(weir_.*\\);\$/\\1/p" "$WEIR_SOURCE_DIR/$map" | sort >documented
    diff documented exported
    nm -D --defined-only "$lib/$library" | grep -v "@@$version\$\|_PRIVATE_1\$\| A $version\$" &&
        { echo "$library: exported without a version"; exit 1; }
    cat "$@" | grep WEIR_API | grep -o 'weir_[a-z_]*[(;]' | tr -d '(;' | sort -u >declared
    diff documented declared
}
core=
for header in "$headers"/*.h; do
    [ "${header##*/}" = postgres.h ] || core="$core $header"
done
# shellcheck disable=SC2086 # a list
same_names libweir.so WEIR_1.0 cmake/weir.map $core
[ ! -e "$lib/libweir-postgres.so" ] ||
    same_names libweir-postgres.so WEIR_POSTGRES_1.0 postgres/postgres.map "$headers/postgres.h"
