# The shells complete verbs and options; what they complete with is compared by test_recovery.
set -eu
cd "$WEIR_SOURCE_DIR/recovery/completion"
fail() { echo "$*"; exit 1; }

words() { # WORD …, the last one unfinished: what bash offers
    bash -c 'source ./weir.bash
        compopt() { :; }
        COMP_WORDS=(weir "$@"); COMP_CWORD=$#; _weir; echo "${COMPREPLY[*]}"' bash "$@"
}
[ "$(words verif)" = verify ] || fail "weir verif: $(words verif)"
[ "$(words dump --cs)" = --csv ] || fail "weir dump --cs: $(words dump --cs)"
[ "$(words --json dump --cs)" = --csv ] || fail "an option before the verb"
[ "$(words verify --cs)" = "" ] || fail "verify has no --csv, and bash offers it"
[ "$(words verify weir.ba)" = weir.bash ] || fail "files: $(words verify weir.ba)"
first=$(sed -n "s/^    '') words='\(.*\)' ;;/\1/p" weir.bash)
for verb in $first; do
    case " $(words '') " in *" $verb "*) ;; *) fail "bash does not offer $verb" ;; esac
done

# What is offered is what the parser takes: each option with each verb, beside what it cannot go without.
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
every=$(sed -n "s/^    '.*') options='\(.*\)' ;;/\1/p" weir.bash | tr ' ' '\n' | sort -u)
value_of() { # VERB OPTION: one that it takes, or nothing where it is a flag
    case "$1 $2" in
    'status --to')
        echo '=postgresql://127.0.0.1:1/x'
        return
        ;;
    esac
    shift
    case $1 in
    --journal | --table | --id | --match | --after | --reader | --into | --load | --output) echo =x ;;
    --pushed | --endpoint | --region | --listen | --to) echo =7 ;;
    --level) echo =WARN ;;
    --since | --until) echo =@7 ;;
    --integrity) echo =quick ;;
    --format) echo =openmetrics ;;
    *) ! grep -q -- "-l ${1#--} -r " weir.fish || echo =7 ;;
    esac
}
given() { # VERB OPTION: what the verb, and the option with it, cannot go without
    case $1 in
    replay) if [ "$2" = --schema ]; then echo --into=dbname=x; else echo --into=x; fi ;;
    'archive restore') echo --into=x ;;
    report) echo --output=x ;;
    'archive prune') echo --passed ;;
    'rejects drop') echo --all ;;
    esac
    case "$1 $2" in
    'dump --hold') echo --reader=x ;;
    'metrics --interval') echo --output=x ;;
    'status --schema') echo --to=dbname=x ;;
    'detach --yes') echo --forget ;;
    'status --max-'* | 'status --min-free') echo --check ;;
    *' --adopt') echo --journal=x ;;
    esac
}
operands() { # VERB
    case $1 in
    completion) echo bash ;;
    check) echo dbname=x ;;
    backup | 'archive push' | 'readers forget' | detach) echo nowhere x ;;
    *) echo nowhere ;;
    esac
}
tool=$(realpath "$WEIR_TOOL")
pairs=0
sed -n "s/^    '\(.*\)') options='\(.*\)' ;;/\1:\2/p" weir.bash >"$here/verbs"
while IFS=: read -r verb options; do
    for option in $every; do
        status=0
        # shellcheck disable=SC2046,SC2086 # lists of words
        (cd "$here" && exec timeout 20 "$tool" $verb $option$(cd "$OLDPWD" && value_of "$verb" $option) $(given "$verb" $option) \
            $(operands "$verb")) >"$here/out" 2>&1 </dev/null || status=$?
        pairs=$((pairs + 1))
        case " $options " in
        *" $option "*) [ $status != 16 ] || fail "$verb $option is offered and refused: $(cat "$here/out")" ;;
        *) grep -q "has no $option" "$here/out" || fail "$verb $option is not offered, and taken: $(cat "$here/out")" ;;
        esac
    done
done <"$here/verbs"
[ $pairs -gt 1000 ] || fail "only $pairs pairs of verb and option were tried"

tried=bash
if command -v fish >/dev/null; then
    offers() { fish --no-config -c "source weir.fish; complete -C'$1'" | cut -f1; }
    [ "$(offers 'weir verif')" = verify ] || fail "fish: weir verif: $(offers 'weir verif')"
    [ "$(offers 'weir dump --cs')" = --csv ] || fail "fish: weir dump --cs"
    [ "$(offers 'weir-recover verif')" = verify ] || fail "fish: weir-recover verif"
    tried="$tried fish"
fi
if command -v zsh >/dev/null; then
    # A terminal of zsh's own, in which a tab is typed.
    offered=$(zsh -f <<'ZSH'
zmodload zsh/zpty
zpty shell "PS1= zsh -f -i"
zpty -w shell "autoload -U compinit; compinit -D -u; source ./weir.zsh 2>/dev/null; compdef _weir_file weir; _weir_file() { source $PWD/weir.zsh }"
zpty -w -n shell $'weir verif\t/x\t'
zpty -r shell text '*verify*' && print found
zpty -d shell
ZSH
    ) || :
    case $offered in *found*) ;; *) fail "zsh: weir verif: $offered" ;; esac
    tried="$tried zsh"
fi
echo "tried: $tried"
