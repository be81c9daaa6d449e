# figures.sh: how a run that is asked for --figures writes a file of docs/figures.
# shellcheck shell=sh

# What the file system of FOLDER is.
file_system() { df --output=fstype "$1" | tail -n 1; }

processor() {
    model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    printf '%s\n' "${model:-$(uname -m)}"
}

describe_commit() {
    at=$(git rev-parse --short=12 HEAD 2>/dev/null) || { echo "unknown"; return 0; }
    # The figures themselves are no part of what was measured.
    [ -z "$(git status --porcelain -- . ':!docs/figures')" ] ||
        at="$at, with changes that are not committed"
    printf '%s\n' "$at"
}

commit=$(describe_commit) # before the run, which may take long

# write_figures NAME TITLE COMMAND FOLDER: standard input, below a head that says when, where and of
# what, becomes docs/figures/NAME. FOLDER is where the run had its files.
# shellcheck disable=SC2016 # the back-quotes are Markdown
write_figures() {
    mkdir -p docs/figures
    {
        printf '# %s\n\nWritten by `%s`; not by hand.\n\n| | |\n|---|---|\n' "$2" "$3"
        printf '| date | %s |\n' "$(date -u +%Y-%m-%d)"
        printf '| commit | %s |\n' "$commit"
        printf '| machine | %s, %s cores |\n' "$(processor)" "$(nproc)"
        printf '| kernel | %s %s |\n' "$(uname -s)" "$(uname -r)"
        printf '| file system | %s |\n\n' "$(file_system "$4")"
        cat
    } >"docs/figures/$1"
    say "wrote docs/figures/$1"
}
