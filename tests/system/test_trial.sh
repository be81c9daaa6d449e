# Situations of a bad night, one a script in tests/trial, played with a real program and real files. What
# a person reads then, the remedy that the message names, and what holds afterwards, row by row, are
# docs/RUNBOOK.md: this test makes each section anew and compares. With -write it writes them.
#
# The words of a situation:
#     title, words, means, now TEXT      prose of the section; "words" are part of a message: the index
#     app [WORD …]                       the program (tests/trial/app.c), on run.db
#     see, type STATUS COMMAND …         runs it, with that exit status, and shows both
#     rows A-B …                         the table has these rows, each once, and no others
set -u
export LC_ALL=C.UTF-8 TZ=UTC
trial=$WEIR_SOURCE_DIR/tests/trial
book=$WEIR_SOURCE_DIR/docs/RUNBOOK.md

# ---- one situation -------------------------------------------------------------------------------

fail() {
    echo "$name: $*" >&2
    [ ! -s "$top/out" ] || sed 's/^/    /' "$top/out" >&2
    exit 1
}

skip() { # WHY
    echo "$name: skipped: $*"
    exit 77
}

app() { "$WEIR_TRIAL_APP" run.db "$@"; }
newer() { "$WEIR_TRIAL_NEWER" "$@"; } # FILE version|feature: as a newer weir would have written it
weir() { "$WEIR_TOOL" "$@"; }
recover() { "$WEIR_RECOVER" "$@"; }
sql() { sqlite3 -cmd '.timeout 8000' "$@"; }
killed() { app "$@" kill 2>"$top/out"; } 2>/dev/null

start() { # WORD …: the program in the background; its words are in app.log
    "$WEIR_TRIAL_APP" run.db "$@" stop 2>"$top/app.log" &
    pid=$!
}
halt() { kill "$pid" && wait "$pid"; }
log() { sort "$top/app.log"; } # two threads of the program may speak
said() { grep -qF -- "$*" "$top/app.log"; }
waits() { "$WEIR_TOOL" status run.db | grep -q 'rows wait:'; }
has() { [ "$(sql run.db 'SELECT count(*) FROM trades')" = "$1" ]; }

# Rows 1 to 40 are applied, 41 to 50 wait in the journal, 51 to 60 are in the ring alone.
leave_rows() { killed apply=60000 add=1-40 applied add=41-50 durable add=51-60; }

lock() { # what another program does that has a transaction open
    mkfifo hold
    sqlite3 -cmd '.timeout 8000' run.db <hold >/dev/null 2>&1 &
    locker=$!
    exec 8>hold
    echo 'BEGIN IMMEDIATE;' >&8
    until [ "$(sqlite3 run.db 'BEGIN IMMEDIATE' 2>&1 | grep -c locked)" = 1 ]; do sleep 0.05; done
}
unlock() { exec 8>&- && wait $locker; locker=''; }

flip() { # FILE BYTE
    printf '\377\252' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
segment() { printf 'run.db-weir/segment-%020d' "$1"; }
blocks() { killed apply=60000 $(for b in 1 2 3 4 5; do echo "add=${b}1-${b}9 durable"; done); }
segments() { killed apply=60000 wide=1-50 durable; }

small_disk() { # MiB: run.db is on a file system of that size
    [ "$(id -u)" = 0 ] || skip "needs root, to mount a small file system"
    mkdir disk && mount -t tmpfs -o size="$1m" tmpfs disk 2>/dev/null || skip "cannot mount"
    leave() { cd / && umount -l "$top/app/disk"; }
    cd disk || exit 1
}

shorten() { # what differs from run to run
    sed -e '/^  disk      [0-9]* bytes:/d' -e "s|$PWD|/srv/app|g" -e 's|[^ ]*/recovery/weir-recover|weir-recover|' \
        -e 's/20[0-9][0-9]-[01][0-9]-[0-3][0-9][T ][0-9:]\{8\}\(\.[0-9]\{9\}Z\)\{0,1\}/2026-11-28 03:12:00/g' \
        -e "s|$top/app|/srv/app|g" -e 's/process [0-9]\{1,\}/process 4711/g' -e 's/PID [0-9]\{1,\}/PID 4711/g' \
        -e 's/free=[0-9]*B/free=…/; s/waiting=[0-9]*/waiting=…/; s/spare-[0-9]*/spare-…/; s/allocate [0-9]*/allocate …/; s/journal needs [0-9]*/journal needs …/; s/lag=[0-9.]*s/lag=…/; s/[0-9]* rows wait, and will/… rows wait, and will/; s/[0-9]* bytes are free/… bytes are free/' -e 's/[0-9a-f]\{32\}/…/g' -e 's/[[:space:]]*$//' -e 's/^./    &/' "$@"
}

# What the words advise, "(weir …)", is tried as it stands in a copy: it is taken, and after it the
# program opens. (--undo is for who has a sound copy of the file.) NEW is a file that does not exist; DIRECTORY is for the reader to fill in.
try_advice() {
    grep -oE '\((weir|weir-recover) [^()]*\)' "$top/out" | tr -d '()' | grep -v DIRECTORY | sort -u |
        sed -e "s|$PWD|$top/copy|g" -e "s| NEW | $top/copy/new-file.db |" >"$top/advised"
    while read -r tool words; do
        rm -rf "$top/copy" && cp -a . "$top/copy" || fail "cannot copy"
        [ "$tool" = weir ] && tool=$WEIR_TOOL || tool=$WEIR_RECOVER
        tried=0
        # shellcheck disable=SC2086 # a command line
        (cd "$top/copy" && eval "$tool $words") >"$top/tried" 2>&1 </dev/null || tried=$?
        echo "$words: $tried" >>"$top/all-advised"
        case $words in *new-file.db*) expected='[014]' after=0 ;; *' list '*) expected=0 after=0 ;;
        *--undo*) expected='[0148]' after=0 ;;
        *forget*) expected=0 after=1 ;; *) expected='[014]' after=1 ;; esac
        # shellcheck disable=SC2254 # a pattern
        case $tried in $expected) ;; *) cp "$top/tried" "$top/out"; fail "advised, and answers $tried: $words" ;; esac
        [ $after = 0 ] || (cd "$top/copy" && "$WEIR_TRIAL_APP" "${words##* }") >"$top/tried" 2>&1 || {
            cp "$top/tried" "$top/out"
            fail "advised, and the program does not open after it: $words"
        }
    done <"$top/advised"
    rm -rf "$top/copy"
}

# Whoever puts a name in front of another's words must see that it is there already.
check_prefixes() {
    ! grep -E '(^|[ :])([^ :]+): \2: ' "$top/out" || fail "says a name twice"
}

part() { # HEADING: once, before the first command under it
    [ "$at" = "$1" ] || printf '**%s**\n\n' "$1" >>"$top/section"
    at=$1
}

play() { # STATUS COMMAND …
    wanted=$1
    shift
    status=0
    "$@" >"$top/out" 2>&1 || status=$?
    typed="$*"
    case $1 in
    recover) shift && typed="weir-recover $*" ;;
    app | log | halt) typed= ;;
    esac
    {
        [ -z "$typed" ] || echo "\$ ${shown:-$typed}"
        cat "$top/out"
        [ -z "$typed" ] || [ $status = 0 ] || echo "(exit status $status)"
    } | shorten >"$top/said"
    [ ! -s "$top/said" ] || { cat "$top/said" && echo; } >>"$top/section"
    shown=''
    [ $status = "$wanted" ] || fail "$*: exit status $status, not $wanted"
    check_prefixes
    try_advice
}

title() { printf '## %s\n\n' "$*" >>"$top/section"; }
words() { printf '%s\n' "$*" >>"$top/words"; }
see() { part "What you see" && play "$@"; }
type() { part "What to type" && play "$@"; }
prose() { part "$1" && shift && printf '%s\n\n' "$*" | fold -s -w 96 | sed 's/ *$//' >>"$top/section"; }
means() { prose "What it means" "$@"; }
note() { printf '%s\n\n' "$*" | fold -s -w 96 | sed 's/ *$//' >>"$top/section"; }
now() { prose "What is then true" "$@"; }

rows() { # [of FILE] A-B …
    file=run.db
    [ "$1" != of ] || { file=$2 && shift 2; }
    for range; do seq "${range%-*}" "${range#*-}"; done | sort >"$top/wanted"
    sql "$file" 'SELECT n FROM trades' | sort >"$top/got" || fail "cannot read $file"
    cmp -s "$top/wanted" "$top/got" || fail "$file: rows $*: not these: $(diff "$top/wanted" "$top/got" | head -5 | tr '\n' ' ')"
}

one() { # SCRIPT: its section and its words go to the folder $2
    name=$(basename "$1" .sh) at='' shown='' pid='' locker=''
    top=$(mktemp -d) && mkdir "$top/app" && chmod 755 "$top" && cd "$top/app" || exit 1
    trap 'kill -9 $pid $locker 2>/dev/null; leave; rm -rf "$top"' EXIT
    trap 'exit 1' HUP INT TERM
    : >"$top/section" && : >"$top/words" && : >"$top/out"
    . "$1"
    [ -s "$top/words" ] || fail "no words for the index"
    tr -s ' \n' '  ' <"$top/section" >"$top/line"
    while read -r phrase; do grep -qF -- "$phrase" "$top/line" || { cat "$top/section" && fail "nothing says: $phrase"; }; done <"$top/words"
    heading=$(sed -n 's/^## //p' "$top/section")
    sed "s|.*|&\t$heading|" "$top/words" >"$2/$name.words"
    cp "$top/section" "$2/$name.md"
}
leave() { :; } # a situation may have something of its own to undo

await() { # COMMAND …: within 10 s
    for _ in $(seq 100); do ! "$@" >/dev/null 2>&1 || return 0; sleep 0.1; done
    fail "never: $*"
}

if [ "${1-}" = one ]; then
    one "$2" "$3"
    exit
fi

# ---- all of them, and the book -------------------------------------------------------------------

all=$(mktemp -d)
trap 'rm -rf "$all"' EXIT
ls "$trial"/[0-9]*.sh | xargs -P 3 -I{} sh -c '
    status=0; timeout 50 sh "$0" one "$1" "$2" || status=$?
    [ $status = 0 ] || [ $status = 77 ] || { echo "$1: failed ($status)"; touch "$2/failed"; }' "$0" {} "$all"
[ ! -e "$all/failed" ] || exit 1

section_of() { # HEADING: as the book has it
    awk -v h="## $1" '/^## /{on = $0 == h} on' "$book"
}

# What could not be played here stands as the book has it.
for script in "$trial"/[0-9]*.sh; do
    name=$(basename "$script" .sh)
    [ ! -e "$all/$name.md" ] || continue
    heading=$(sed -n "s/^title ['\"]\(.*\)['\"]$/\1/p" "$script")
    section_of "$heading" >"$all/$name.md"
    sed -n "s/^words ['\"]\(.*\)['\"]$/\1/p" "$script" | sed "s|.*|&\t$heading|" >"$all/$name.words"
done

{
    cat "$trial/head.md"
    echo '| the message has | section |'
    echo '|---|---|'
    cat "$all"/*.words | LC_ALL=C sort -f | while IFS="$(printf '\t')" read -r phrase heading; do
        anchor=$(echo "$heading" | tr 'A-Z ' 'a-z-' | tr -dc 'a-z0-9_\n-')
        echo "| $phrase | [$heading](#$anchor) |"
    done
    echo
    cat "$all"/*.md
} | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >"$all/book"

if [ "${1-}" = -write ]; then
    cp "$all/book" "$book"
elif ! diff -u "$book" "$all/book"; then
    echo "docs/RUNBOOK.md is not what these situations say; scripts/runbook makes it anew"
    exit 1
fi
