#!/bin/sh
# Runs in an element's sandbox: times compiles through the wrapper, through recc alone, and between, in turns.
# SPDX-License-Identifier: Apache-2.0
#
# usage: overhead.sh ROUNDS COMPILES-A-ROUND
# Prints two lines a round: TIME WHAT COMPILES wrapper-ms library-ms recc-ms, where
# 'library' is recc with the observing library and without the wrapper, and WHAT
# is 'hits' (a small C file) or 'misses' (a C++ file with a few headers).
# At the end: TIME-SUMMARY ms.
set -eu
echo 'int a(int x) { return x + 1; }' >a.c
echo '#include <iostream>
#include <map>
int b(int x) { std::map<int, int> m; std::cout << x; return m[x] + VALUE; }' >b.cpp
# What the wrapper gives the compiler: a PATH without wrappers.
plain=/usr/bin:/bin:/usr/sbin:/sbin
library=/usr/recc/lib/observe.so
# Words, to be split.
recc='/usr/recc/bundle/lib/ld.so --library-path /usr/recc/bundle/lib --argv0 recc /usr/recc/bundle/bin/recc'

now() {
    read -r uptime _ </proc/uptime
    now=${uptime%.*}${uptime#*.}
}

wrapper() {
    "$@"
}
library() {
    driver=$1
    shift
    : >/tmp/overhead.inputs
    # shellcheck disable=SC2086
    PATH=$plain OBSERVE=refuse OBSERVE_INPUTS=/tmp/overhead.inputs LD_PRELOAD=$library $recc "/usr/bin/$driver" "$@"
}
recc_alone() {
    driver=$1
    shift
    # As the one above: it empties a file too.
    : >/tmp/overhead.inputs
    # shellcheck disable=SC2086
    PATH=$plain $recc "/usr/bin/$driver" "$@"
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

gcc -O2 -c a.c
round=0
while [ $round -lt "$1" ]; do
    for what in hits misses; do
        compiles=$2
        [ $what = hits ] || compiles=$(($2 / 10 + 1))
        times=
        for how in wrapper library recc_alone; do
            time_$what $how "$compiles"
            times="$times $spent"
        done
        echo "TIME $what $compiles$times"
    done
    round=$((round + 1))
done
now
start=$now
/usr/recc/libexec/summary >/dev/null
now
echo "TIME-SUMMARY $(((now - start) * 10))"
