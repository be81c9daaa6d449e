# common.sh: what the scripts of ./dev share. Each of them goes to the root of the tree and reads
# this first. Functions and variables only: reading it does nothing else.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2120 # the script that reads this uses what it sets

build=${WEIR_BUILD:-build}

# What the bench is measured against: a peer that is missing is said and left out.
bench_peers="libspdlog-dev librocksdb-dev liblmdb-dev libboost-log-dev liblog4cplus-dev"
bench_peers="$bench_peers liblttng-ust-dev lttng-tools"

# Coverage leaves out the tests that reach no branch which the others leave: the slow ones, what
# needs root, and recovery, whose tool runs as nobody and may not write its counters.
slow_tests='sim|kill|batches|inject|hostile|full_disk|powercut|disk_log|any_instruction'
slow_tests="$slow_tests|recovery|install|examples|operating|systemd|coming_from|demo"
slow_tests="$slow_tests|cpp_compiles|subproject|man_pages|amalgamation|(header|fuzz)_.*"

say() { printf 'dev: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
misuse() { ./dev help >&2; exit 16; }

missing() {
    for package; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            printf ' %s' "$package"
    done
}

# install_at_rest PACKAGE …: Debian's packages of servers start them, and postgresql-15 makes a cluster
# of databases first. The tests start servers of their own, and the machine may be somebody's: neither
# happens here. What the machine itself says about either is left alone, and afterwards nothing is changed.
install_at_rest() (
    policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.conf
    [ ! -e "$policy" ] || policy=
    [ ! -e "$clusters" ] || clusters=
    trap 'as_it_was "$policy" "$clusters"' EXIT
    trap 'exit 1' HUP INT TERM
    [ -z "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"; }
    [ -z "$clusters" ] ||
        { mkdir -p "${clusters%/*}" && echo 'create_main_cluster = false' >"$clusters"; }
    export DEBIAN_FRONTEND=noninteractive
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@"; } >/dev/null
)

as_it_was() { # POLICY CLUSTERS: the files that were made, or ''
    [ -z "$1" ] || rm -f "$1"
    [ -n "$2" ] || return 0
    # What the package would have put there; nothing, if it was not installed.
    cp "/usr/share${2#/etc}" "$2" 2>/dev/null || rm -f "$2"
    rmdir "${2%/*}" 2>/dev/null || :
}

# need PACKAGE …: a machine that has them all does no network.
need() {
    command -v dpkg-query >/dev/null || { say "not Debian: looking for no packages"; return 0; }
    wanted=$(missing "$@")
    [ -n "$wanted" ] || return 0
    [ "$(id -u)" = 0 ] || die "these packages are missing; as root: apt-get install$wanted"
    say "installing$wanted"
    # shellcheck disable=SC2086 # $wanted is a list
    install_at_rest $wanted || die "apt-get could not install$wanted"
}

need_library() { # what the library, the tools and the demo are built with
    need cmake gcc libc6-dev ninja-build pkg-config libsqlite3-dev libzstd-dev libxxhash-dev "$@"
}

# What weir_s3, weir-exporter and libweir-postgres are built with, and nothing else is.
part_libraries="libcurl4-openssl-dev libexpat1-dev libssl-dev libmicrohttpd-dev libpq-dev"

need_build() {
    need_library libcmocka-dev sqlite3 git mandoc python3 python3-xxhash python3-zstandard zstd "$@"
}

# quietly WHAT COMMAND …: its output only when it fails.
quietly() {
    what=$1
    shift
    say "$what"
    quiet_log=$(mktemp)
    if "$@" >"$quiet_log" 2>&1; then rm -f "$quiet_log"; return 0; fi
    cat "$quiet_log" >&2
    rm -f "$quiet_log"
    die "failed: $what"
}

configure() { # PRESET [CMAKE OPTION …]
    preset=$1
    shift
    quietly "configuring $build/$preset" cmake --preset "$preset" -B "$build/$preset" "$@"
}

compile() { # PRESET [TARGET …]: on a terminal its progress is seen
    preset=$1
    shift
    [ $# -gt 0 ] || set -- all
    [ -t 2 ] || {
        quietly "building $build/$preset" cmake --build "$build/$preset" --target "$@"
        return 0
    }
    say "building $build/$preset"
    cmake --build "$build/$preset" --target "$@" >&2 || die "failed: building $build/$preset"
}

# ran OUTPUT: how many cmocka tests passed, how many ctests, and how many of both this machine
# cannot run (without root, loop devices, strace; under a sanitizer): each says why.
ran() {
    printf '%s %s %s %s\n' "$(grep -c '\[       OK \]' "$1")" "$(grep -c '^Test Passed\.' "$1")" \
        "$(grep -c '\[  SKIPPED \]' "$1")" "$(grep '\[  SKIPPED \]' "$1" | sort -u | wc -l)"
}
