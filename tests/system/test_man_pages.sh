# The manual pages: each exported name and each macro that users call has one, every reference to a
# page of ours leads somewhere, and mandoc finds nothing to complain of.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for program in mandoc python3; do
    command -v "$program" >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
fail() { echo "$*"; exit 1; }

python3 "$WEIR_SOURCE_DIR/scripts/man.py" "$dir" "$WEIR_SOURCE_DIR"
mkdir "$dir/man1" "$dir/man7"
cp "$WEIR_SOURCE_DIR/docs/weir.7" "$dir/man7"
cp "$WEIR_SOURCE_DIR/recovery/weir.1" "$WEIR_SOURCE_DIR/logger/weir-log.1" \
    "$WEIR_SOURCE_DIR/exporter/weir-exporter.1" "$dir/man1"
cd "$dir"

exported=$(sed -n -e '/^    weir_private_/d' -e 's/^    \(weir_.*\);$/\1/p' "$WEIR_SOURCE_DIR/cmake/weir.map")
[ -n "$exported" ] || fail "cmake/weir.map exports nothing"
macros=$(cat "$WEIR_SOURCE_DIR"/include/weir/*.h | sed -n 's/^#define \(weir_[a-z_]*[a-z]\)(.*/\1/p' | sort -u)
for name in weir $exported $macros weir_open_sqlite weir_value weir_options weir_event_fn; do
    page=man3/$name.3
    [ -s "$page" ] || fail "$name has no page"
    ! grep -q '^\.so ' "$page" || page=$(sed -n 's/^\.so //p' "$page")
    sed -n '/^.SH NAME/{n;p;}' "$page" | grep -qw "$name" || fail "$page does not name $name"
done
[ "$(find man3 -name '*.3' ! -size 0 | wc -l)" -gt 30 ] || fail "pages are missing"

# What a page refers to is there.
grep -ho '\\fB[a-z\\_-]*\\fR([137])' man3/* | sed 's/\\fB//; s/\\fR//; s/\\-/-/g' >references
sed -n 's/^\.Xr \(weir[a-z_-]*\) \([137]\).*/\1(\2)/p' man1/* man7/* >>references
sort -u references | while read -r reference; do
    name=${reference%(*} section=${reference##*(}
    [ -e "man${section%)}/$name.${section%)}" ] || fail "no page $reference"
done

pages=$(grep -L '^\.so ' man3/*.3)
# shellcheck disable=SC2086 # a list
mandoc -Tlint -W warning $pages man7/* man1/* || fail "mandoc complains"
if command -v groff >/dev/null; then
    # shellcheck disable=SC2086
    for page in $pages man7/* man1/*; do
        complaints=$(groff -mandoc -Tutf8 -ww "$page" 2>&1 >/dev/null | grep -v "can't break line\|cannot adjust\|cannot break" || :)
        [ -z "$complaints" ] || fail "groff on $page: $complaints"
    done
fi

# A comment of a header is what a page says; and no comment, no declaration of a tree is lost.
mandoc -Tascii man3/weir_append.3 | sed 's/.\x08//g' | grep -q 'Append one row' || fail "weir_append(3) says nothing"
mkdir -p "$dir/tree/docs"
cp -r "$WEIR_SOURCE_DIR/include" "$dir/tree"
cp "$WEIR_SOURCE_DIR/docs/weir.7" "$dir/tree/docs"
cat >"$dir/tree/include/weir/more.h" <<'END'
/* weir/more.h - what comes later. */
#ifndef WEIR_MORE_H
#define WEIR_MORE_H
/* ---- something new ---- */

/* Do it. It's "so": \n stays, and
 *
 *     .code()
 */
WEIR_API int weir_new_call(weir *w);
#endif
END
python3 "$WEIR_SOURCE_DIR/scripts/man.py" "$dir/later" "$dir/tree"
mandoc -Tlint -W warning "$dir/later/man3/weir_new_call.3" || fail "mandoc complains about a new group"
mandoc -Tascii "$dir/later/man3/weir_new_call.3" | sed 's/.\x08//g' >said
for text in 'do it' 'Do it. It.s "so": \\n stays, and' '   \.code()'; do
    grep -q "$text" said || { cat said; fail "the page of a new group lacks: $text"; }
done
