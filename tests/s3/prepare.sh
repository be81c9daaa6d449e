#!/bin/sh
# prepare.sh FOLDER: the S3 server of the tests in FOLDER, with the packages that it needs, which npm
# fetches once. Where that cannot be, the only line of output says why, and the exit status is 77.
set -eu
here=$(dirname "$0")
folder=$1

why() { echo "$*"; exit 77; }

for program in node npm; do
    command -v $program >/dev/null || why "$program is not installed (Debian's package npm has both)"
done
mkdir -p "$folder"
cp "$here/server.js" "$here/package.json" "$here/package-lock.json" "$folder"
cd "$folder"
[ ! -e node_modules/.package-lock.json ] || exit 0 # npm writes it last
npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1 ||
    why "npm did not fetch s3rver: $(sed -n 's/^npm err[a-z]*!* *\(code [A-Z_]*\).*/\1/Ip' npm.log |
        head -n 1), see $folder/npm.log"
