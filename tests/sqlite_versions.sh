#!/bin/sh
# sqlite_versions.sh BUILD FOLDER [--short | VARIANT …]: the suite that stands built in BUILD, once
# more for each variant of the newest SQLite, which the loader finds instead of the system's. With
# --short: of the plain variant alone, the programs that open, copy, write -wal, meet faults and are
# killed. FOLDER keeps what was fetched and built. The source comes from the npm package
# better-sqlite3, which carries it. Exit status: 0 all passed, 1 not, 77 skipped, because npm is not
# there or does not answer.
set -eu
objects=$(cd "$1" && pwd)
mkdir -p "$2"
folder=$(cd "$2" && pwd)
shift 2
package=better-sqlite3@latest # without the tag, npm takes the newest that its node could run
short='configured connection image insert_now kill load load_group load_tables locks public_api'
short="$short record_copy replay schema sqlite_faults sqlite_sink wal_io"
only=.
[ "${1:-}" != --short ] || { only="^($(echo "$short" | tr ' ' '|'))\$"; set -- plain; }

say() { printf '%s\n' "$*"; }
skip() { say "skipped: $*"; exit 77; }

options_of() {
    case $1 in
    plain) ;;
    omit-xfer-opt) echo -DSQLITE_OMIT_XFER_OPT ;;
    max-attached-0) echo -DSQLITE_MAX_ATTACHED=0 ;;
    dqs-0) echo -DSQLITE_DQS=0 ;;
    page-512) echo -DSQLITE_DEFAULT_PAGE_SIZE=512 ;;
    threadsafe-2) echo -DSQLITE_THREADSAFE=2 ;;
    *) say "no such variant: $1" >&2; exit 16 ;;
    esac
}

fetch() {
    [ ! -f "$folder/sqlite3.c" ] || return 0
    command -v npm >/dev/null || skip "npm is not installed"
    rm -f "$folder"/better-sqlite3-*.tgz
    (cd "$folder" && npm pack --silent "$package" >/dev/null 2>"$folder/npm.log") ||
        skip "npm did not fetch $package, see $folder/npm.log"
    tar -C "$folder" -xzf "$folder"/better-sqlite3-*.tgz --strip-components=3 \
        package/deps/sqlite3/sqlite3.c package/deps/sqlite3/sqlite3.h
}

build() { # VARIANT
    library=$folder/$1/libsqlite3.so.0
    [ ! -f "$library" ] || return 0
    options=$(options_of "$1") # by itself, so that an unknown variant ends the script
    mkdir -p "$folder/$1"
    # The options are a list: they are meant to be split.
    cc -O1 -w -fPIC -shared -Wl,-soname,libsqlite3.so.0 -DSQLITE_ENABLE_COLUMN_METADATA \
        -DSQLITE_ENABLE_MATH_FUNCTIONS $options -o "$library.new" "$folder/sqlite3.c" \
        -lm -lpthread -ldl
    mv "$library.new" "$library"
}

# The command sqlite3 insists on the library that it came with.
shim() {
    mkdir -p "$folder/bin"
    printf '#!/bin/sh\nunset LD_LIBRARY_PATH\nexec %s "$@"\n' "$(command -v sqlite3)" \
        >"$folder/bin/sqlite3"
    chmod +x "$folder/bin/sqlite3"
}

# What compiles headers, or installs, or fuzzes, has no SQLite in it.
without='^(header_|(install|subproject|man_pages|amalgamation)$|fuzz_)'

try() { # VARIANT
    log=$folder/$1/log
    result=passed
    LD_LIBRARY_PATH=$folder/$1 ldd "$objects/tests/test_load" | grep -qF "$folder/$1/libsqlite3" ||
        { say "$1: the loader takes another SQLite"; exit 1; }
    PATH=$folder/bin:$PATH LD_LIBRARY_PATH=$folder/$1 ctest --test-dir "$objects" --parallel 2 \
        --output-on-failure --no-tests=error --tests-regex "$only" --exclude-regex "$without" \
        >"$log" 2>&1 || result=FAILED
    # A program of the short list that is not there any more is not left out in silence.
    [ "$only" = . ] || [ "$(grep -c ' Test *#' "$log")" = "$(echo "$short" | wc -w)" ] || result=FAILED
    cp "$objects/Testing/Temporary/LastTest.log" "$folder/$1/tests.log"
    say "$1: $result, $(grep -c '\[       OK \]' "$folder/$1/tests.log" || true) unit tests," \
        "$(grep '\[  SKIPPED \]' "$folder/$1/tests.log" | sort -u | wc -l) reasons to skip one"
    [ $result = passed ] || { failed=1; grep -E '\((Failed|Timeout|SEGFAULT)\)' "$log" || true; }
}

fetch
shim
say "SQLite $(sed -n 's/^#define SQLITE_VERSION  *"\(.*\)"/\1/p' "$folder/sqlite3.h")"
[ $# -gt 0 ] || set -- plain omit-xfer-opt max-attached-0 dqs-0 page-512 threadsafe-2
failed=0
for variant; do
    build "$variant"
    try "$variant"
done
exit $failed
