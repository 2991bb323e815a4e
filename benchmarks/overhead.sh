#!/bin/sh
# Runs in an element's sandbox: times hits through the wrapper and through recc alone, in turns.
# SPDX-License-Identifier: Apache-2.0
#
# usage: overhead.sh ROUNDS COMPILES-A-ROUND
# Prints one line a round: TIME wrapper-ms recc-ms, and at the end TIME-SUMMARY ms.
set -eu
echo 'int a(int x) { return x + 1; }' >a.c

now() {
    read -r uptime _ </proc/uptime
    now=${uptime%.*}${uptime#*.}
}

through_wrapper() {
    i=0
    while [ $i -lt "$compiles" ]; do
        gcc -O2 -c a.c
        i=$((i + 1))
    done
}

through_recc() {
    i=0
    while [ $i -lt "$compiles" ]; do
        # What the wrapper gives the compiler: the real one, and a PATH without wrappers.
        PATH=/usr/bin:/bin:/usr/sbin:/sbin recc /usr/bin/gcc -O2 -c a.c
        i=$((i + 1))
    done
}

compiles=1
through_wrapper
through_recc
compiles=$2
round=0
while [ $round -lt "$1" ]; do
    now
    start=$now
    through_wrapper
    now
    middle=$now
    through_recc
    now
    echo "TIME $(((middle - start) * 10)) $(((now - middle) * 10))"
    round=$((round + 1))
done
now
start=$now
/usr/recc/libexec/summary >/dev/null
now
echo "TIME-SUMMARY $(((now - start) * 10))"
