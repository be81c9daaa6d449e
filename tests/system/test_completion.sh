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

tried=bash
if command -v fish >/dev/null; then
    offers() { fish --no-config -c "source weir.fish; complete -C'$1'" | cut -f1; }
    [ "$(offers 'weir verif')" = verify ] || fail "fish: weir verif: $(offers 'weir verif')"
    [ "$(offers 'weir dump --cs')" = --csv ] || fail "fish: weir dump --cs"
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
