#!/bin/sh
# Runs in an element's sandbox: times compiles through the wrapper, by recc alone and by the bare compiler, in turns.
# SPDX-License-Identifier: Apache-2.0
#
# usage: overhead.sh ROUNDS COMPILES-A-ROUND
# Prints two lines a round: TIME WHAT COMPILES wrapper-ms recc-ms bare-ms, where WHAT
# is 'hits' (a small C file) or 'misses' (a C++ file with a few headers), and 'recc' is
# recc as others wire it: the compiler behind it, and nothing else.
# At the end: TIME-SUMMARY ms.
set -eu
echo 'int a(int x) { return x + 1; }' >a.c
echo '#include <iostream>
#include <map>
int b(int x) { std::map<int, int> m; std::cout << x; return m[x] + VALUE; }' >b.cpp
# shellcheck disable=SC1091 # beside it in the sandbox
. ./ways.sh

now() {
    read -r uptime _ </proc/uptime
    now=${uptime%.*}${uptime#*.}
}

wrapper() {
    "$@"
}

# time_hits HOW COMPILES, time_misses HOW COMPILES: milliseconds in $spent.
time_hits() {
    now
    start=$now
    i=0
    while [ $i -lt "$2" ]; do
        "$1" gcc -O2 -c a.c
        i=$((i + 1))
    done
    now
    spent=$(((now - start) * 10))
}
value=0
time_misses() {
    now
    start=$now
    i=0
    while [ $i -lt "$2" ]; do
        value=$((value + 1))
        "$1" g++ -O2 -DVALUE=$value -c b.cpp
        i=$((i + 1))
    done
    now
    spent=$(((now - start) * 10))
}

wrapper gcc -O2 -c a.c
recc gcc -O2 -c a.c
round=0
while [ $round -lt "$1" ]; do
    for what in hits misses; do
        compiles=$2
        [ $what = hits ] || compiles=$(($2 / 10 + 1))
        times=
        for how in wrapper recc bare; do
            time_$what $how "$compiles"
            times="$times $spent"
        done
        echo "TIME $what $compiles$times"
    done
    round=$((round + 1))
done
now
start=$now
/usr/recc/libexec/summary 0 "$BST_RECC_LOG_DIRECTORY/log" >/dev/null
now
echo "TIME-SUMMARY $(((now - start) * 10))"
