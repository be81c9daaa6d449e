title 'The machine rebooted'
words 'in an earlier boot'
[ "$(id -u)" = 0 ] || skip "needs root, to show another boot id"
leave_rows
echo 00000000-1111-2222-3333-444444444444 >boot_id
rebooted() { unshare -m sh -c 'mount --bind boot_id /proc/sys/kernel/random/boot_id && exec "$@"' - "$@"; }
rebooted true 2>/dev/null || skip "cannot show another boot id"
shown='weir status run.db'
see 0 rebooted "$WEIR_TOOL" status run.db
means 'The ring is of the boot before. Rows that were durable are safe; of those that were not,' \
    'the ones whose pages the kernel had written come too. Start the program, or:'
shown='weir-recover run.db'
type 1 rebooted "$WEIR_RECOVER" run.db
now 'Every row that can be read is in the database, once.'
rows 1-60
