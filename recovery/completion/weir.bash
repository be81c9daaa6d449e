# bash completion for weir and weir-recover; written by `weir completion bash`.
_weir() {
    local word i whole= verb= cur=${COMP_WORDS[COMP_CWORD]} words= options=
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        [[ $word == -* ]] && continue
        case "${verb:+$verb }$word" in
        'status') verb='status' whole=1; break ;;
        'verify') verb='verify' whole=1; break ;;
        'watch') verb='watch' whole=1; break ;;
        'report') verb='report' whole=1; break ;;
        'metrics') verb='metrics' whole=1; break ;;
        'check') verb='check' whole=1; break ;;
        'dump') verb='dump' whole=1; break ;;
        'symbols') verb='symbols' whole=1; break ;;
        'recover') verb='recover' whole=1; break ;;
        'replay') verb='replay' whole=1; break ;;
        'salvage') verb='salvage' whole=1; break ;;
        'forget') verb='forget' whole=1; break ;;
        rejects) verb=$word ;;
        'rejects list') verb='rejects list' whole=1; break ;;
        'rejects retry') verb='rejects retry' whole=1; break ;;
        'rejects drop') verb='rejects drop' whole=1; break ;;
        'backup') verb='backup' whole=1; break ;;
        archive) verb=$word ;;
        'archive list') verb='archive list' whole=1; break ;;
        'archive pack') verb='archive pack' whole=1; break ;;
        'archive prune') verb='archive prune' whole=1; break ;;
        'archive push') verb='archive push' whole=1; break ;;
        'archive restore') verb='archive restore' whole=1; break ;;
        readers) verb=$word ;;
        'readers list') verb='readers list' whole=1; break ;;
        'readers forget') verb='readers forget' whole=1; break ;;
        'detach') verb='detach' whole=1; break ;;
        aside) verb=$word ;;
        'aside list') verb='aside list' whole=1; break ;;
        'aside drop') verb='aside drop' whole=1; break ;;
        'completion') verb='completion' whole=1; break ;;
        *) break ;;
        esac
    done
    case $verb in
    '') words='status verify watch report metrics check dump symbols recover replay salvage forget rejects backup archive readers detach aside completion' ;;
    rejects) words='list retry drop' ;;
    archive) words='list pack prune push restore list forget' ;;
    readers) words='list forget' ;;
    aside) words='list drop' ;;
    esac
    case $verb in
    'status') options='--json --journal --archive --schema --check --max-waiting --max-lag --max-rejects --min-free --to --help --usage --version' ;;
    'verify') options='--json --journal --archive --help --usage --version' ;;
    'watch') options='--json --journal --interval --count --help --usage --version' ;;
    'report') options='--json --journal --output --values --help --usage --version' ;;
    'metrics') options='--journal --output --interval --format --listen --help --usage --version' ;;
    'check') options='--json --schema --help --usage --version' ;;
    'dump') options='--json --journal --archive --csv --table --level --match --since --until --after --cursor --follow --ring --reader --hold --from --to --limit --help --usage --version' ;;
    'symbols') options='--json --journal --help --usage --version' ;;
    'recover') options='--json --journal --adopt --accept-gap --wait --load --dry-run --integrity --help --usage --version' ;;
    'replay') options='--json --journal --to --into --schema --until --skip-damage --wait --load --dry-run --integrity --help --usage --version' ;;
    'salvage') options='--json --journal --adopt --wait --load --dry-run --integrity --to --undo --help --usage --version' ;;
    'forget') options='--json --journal --adopt --yes --wait --dry-run --help --usage --version' ;;
    'rejects list') options='--json --journal --table --id --match --help --usage --version' ;;
    'rejects retry') options='--json --journal --table --id --match --wait --load --dry-run --help --usage --version' ;;
    'rejects drop') options='--json --journal --table --id --match --all --wait --load --dry-run --help --usage --version' ;;
    'backup') options='--json --journal --wait --integrity --dry-run --help --usage --version' ;;
    'archive list') options='--json --journal --help --usage --version' ;;
    'archive pack') options='--json --journal --dry-run --keep-plain --help --usage --version' ;;
    'archive prune') options='--json --journal --keep-bytes --keep-rows --max-age --passed --pushed --dry-run --endpoint --region --timeout --help --usage --version' ;;
    'archive push') options='--json --journal --endpoint --region --timeout --every --whole --help --usage --version' ;;
    'archive restore') options='--json --to --into --until --skip-damage --wait --load --endpoint --region --timeout --id --keep-fetched --help --usage --version' ;;
    'readers list') options='--json --journal --help --usage --version' ;;
    'readers forget') options='--json --journal --help --usage --version' ;;
    'detach') options='--json --journal --forget --yes --help --usage --version' ;;
    'aside list') options='--json --journal --help --usage --version' ;;
    'aside drop') options='--json --journal --all --dry-run --help --usage --version' ;;
    'completion') options='--help --usage --version' ;;
    *) options='--help --version' ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    elif [[ -n $whole ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    else
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
    fi
}
complete -F _weir weir weir-recover
