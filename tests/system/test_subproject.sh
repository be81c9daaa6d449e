# Another project takes weir in by FetchContent from a git tag: it links weir::weir and
# weir::weir_static, gets no test, no demo, no option and no file of weir's that it did not ask for.
# And the library by itself is configured without cmocka, and optimised when nobody says otherwise.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
[ -z "$WEIR_SANITIZE" ] || { echo "skipped: it builds a library of its own, without sanitizer"; exit 77; }
fail() { echo "$*"; exit 1; }

# The tree as it is now, as a repository with a tag.
mkdir "$dir/origin"
tar -C "$WEIR_SOURCE_DIR" --exclude=./.git --exclude=./build --exclude=./tests --exclude=./fuzz \
    -cf - . | tar -C "$dir/origin" -xf -
cd "$dir/origin"
# No setting of whoever runs this, and no hook.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init -q .
git add -A -f
git -c user.name=test -c user.email=test@localhost commit -q -m "the tree"
git tag v1
git rm -q -r --cached lib # what the tag names is used, not what the branch has
git -c user.name=test -c user.email=test@localhost commit -q -m "not this one"

mkdir "$dir/user"
cd "$dir/user"
cp "$WEIR_SOURCE_DIR/examples/minimal.c" main.c
cat >CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
include(FetchContent)
FetchContent_Declare(weir GIT_REPOSITORY "file://$dir/origin" GIT_TAG v1)
set(before_targets "\${CMAKE_C_STANDARD}|\${CMAKE_C_VISIBILITY_PRESET}|\${CMAKE_BUILD_TYPE}|\${CMAKE_C_FLAGS}")
FetchContent_MakeAvailable(weir)
set(after_targets "\${CMAKE_C_STANDARD}|\${CMAKE_C_VISIBILITY_PRESET}|\${CMAKE_BUILD_TYPE}|\${CMAKE_C_FLAGS}")
if(NOT before_targets STREQUAL after_targets)
    message(FATAL_ERROR "weir has changed \${before_targets} into \${after_targets}")
endif()
foreach(property COMPILE_OPTIONS COMPILE_DEFINITIONS LINK_OPTIONS INCLUDE_DIRECTORIES)
    get_directory_property(value \${property})
    if(value)
        message(FATAL_ERROR "weir has set \${property}: \${value}")
    endif()
endforeach()
foreach(target weir-demo minimal test_row weir_support)
    if(TARGET \${target})
        message(FATAL_ERROR "\${target} is built")
    endif()
endforeach()
foreach(kind weir weir_static)
    add_executable(with_\${kind} main.c)
    target_link_libraries(with_\${kind} PRIVATE weir::\${kind})
    foreach(property INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_DEFINITIONS)
        get_target_property(value \${kind} \${property})
        if(value)
            message(FATAL_ERROR "\${kind} has \${property}: \${value}")
        endif()
    endforeach()
endforeach()
install(FILES main.c DESTINATION share/user)
END
cmake -G Ninja -S . -B build >configured 2>&1 || { cat configured; fail "FetchContent failed"; }
cmake --build build >built 2>&1 || { cat built; fail "the project does not build"; }
for kind in weir weir_static; do
    rm -rf run.db run.db-*
    "build/with_$kind" >/dev/null
    [ "$(sqlite3 run.db 'SELECT count(*) FROM prices')" = 1000 ] || fail "with_$kind: rows are missing"
done
ldd build/with_weir | grep -q libweir || fail "with_weir has no libweir"
! ldd build/with_weir_static | grep -q libweir || fail "with_weir_static has libweir"

cmake --install build --prefix "$dir/prefix" >/dev/null
installed=$(cd "$dir/prefix" && find . -type f)
[ "$installed" = ./share/user/main.c ] || fail "installed: $installed"
cmake build -D WEIR_INSTALL=ON >/dev/null 2>&1
cmake --build build >/dev/null
cmake --install build --prefix "$dir/prefix" >/dev/null
[ -n "$(find "$dir/prefix" -name libweir.so)" ] || fail "WEIR_INSTALL=ON installs no library"

# The library alone, by hand and by the preset.
cd "$dir/origin"
git checkout -q -f v1
cached() { sed -n "s/^$1:[A-Z]*=//p" "$2/CMakeCache.txt"; }
alone="-G Ninja -D CMAKE_DISABLE_FIND_PACKAGE_cmocka=ON"
# shellcheck disable=SC2086 # a list of options
cmake $alone -D WEIR_TESTS=OFF -S . -B "$dir/alone" >/dev/null
[ "$(cached CMAKE_BUILD_TYPE "$dir/alone")" = RelWithDebInfo ] || fail "not optimised by default"
# shellcheck disable=SC2086
cmake $alone -D CMAKE_BUILD_TYPE=Debug -D WEIR_TESTS=OFF -S . -B "$dir/debug" >/dev/null
[ "$(cached CMAKE_BUILD_TYPE "$dir/debug")" = Debug ] || fail "the kind of build is not the user's"
# shellcheck disable=SC2086
cmake --preset release $alone -B "$dir/release" >/dev/null
[ "$(cached WEIR_TESTS "$dir/release")" = OFF ] || fail "the preset release builds tests"
[ "$(cached WEIR_EXAMPLES "$dir/release")" = OFF ] || fail "the preset release builds the demo"
