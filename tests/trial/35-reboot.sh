title 'The machine rebooted'
words 'another boot'
[ "$(id -u)" = 0 ] || skip "needs root, to show another boot id"
leave_rows
echo 00000000-1111-2222-3333-444444444444 >boot_id
rebooted() { unshare -m sh -c 'mount --bind boot_id /proc/sys/kernel/random/boot_id && exec "$@"' - "$@"; }
rebooted true 2>/dev/null || skip "cannot show another boot id"
see 0 rebooted "$WEIR_TOOL" status run.db
means 'x'
type 1 rebooted "$WEIR_RECOVER" run.db
now 'x'
