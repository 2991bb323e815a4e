#!/bin/sh
# Runs in an element's sandbox in 'local': CPU of a hit by the manifest, by recc, in 'remote', by ccache.
# SPDX-License-Identifier: Apache-2.0
#
# usage: hit.sh ROUNDS COMPILES-A-ROUND
# Prints lines CPU C|C++ WAY COMPILES MILLISECONDS; 'bare' is the compile itself.
set -eu
for header in stdio stdlib string errno fcntl unistd signal time sys/stat sys/socket; do
    echo "#include <$header.h>"
done >a.c
echo 'int a(int x) { return x + 1; }' >>a.c
for header in iostream map regex string; do echo "#include <$header>"; done >b.cpp
echo 'int b(int x) { std::map<int, int> m; std::cout << x; return m[x]; }' >>b.cpp
# shellcheck disable=SC1091 # beside it in the sandbox
. ./ways.sh
times=$(mktemp)

manifest() {
    BST_RECC_ASK_ABOVE=1000000 "$@"
}
wrapper() {
    BST_RECC_MANIFEST=off "$@"
}
remote() {
    BST_RECC_MODE=remote "$@"
}

# Milliseconds of CPU that this shell and its children have used, in $spent.
spent() {
    times >"$times"
    spent=$(awk '{ for (i = 1; i <= 2; i++) { split($i, t, "[ms]"); sum += 60 * t[1] + t[2] } } END { printf "%d", 1000 * sum }' "$times")
}

# measure LANGUAGE COMPILER SOURCE WAY COMPILES
measure() {
    "$4" "$2" -O2 -c "$3"
    spent
    before=$spent
    i=0
    while [ $i -lt "$5" ]; do
        "$4" "$2" -O2 -c "$3"
        i=$((i + 1))
    done
    spent
    echo "CPU $1 $4 $5 $((spent - before))"
}

round=0
while [ $round -lt "$1" ]; do
    for way in manifest wrapper remote recc ccache bare; do
        measure C gcc a.c $way "$2"
        [ $way = bare ] || measure C++ g++ b.cpp $way "$2"
    done
    measure C++ g++ b.cpp bare $(($2 / 20 + 1))
    round=$((round + 1))
done
ccache --print-stats
