#!/bin/sh
# Runs in an element's sandbox: times warm compiles of more and more files, and of one file with more and more headers.
# SPDX-License-Identifier: Apache-2.0
#
# Prints a line a measurement: GROWTH WHAT SIZE COMPILES plain-ms warm-ms, where WHAT is 'files',
# 'deep' (each header includes the next) or 'wide' (one file includes them all).
set -eu

now() {
    read -r uptime _ </proc/uptime
    now=${uptime%.*}${uptime#*.}
}

# compile MODE: everything in this directory, two at a time; milliseconds in $spent.
compile() {
    rm -f -- *.o
    now
    start=$now
    BST_RECC_MODE=$1 make -s -j2 -f ../Makefile
    now
    spent=$(((now - start) * 10))
}

# measure WHAT SIZE COMPILES
measure() {
    compile off
    plain=$spent
    compile local
    compile local
    echo "GROWTH $1 $2 $3 $plain $spent"
}

cat >Makefile <<'END'
all: $(patsubst %.c,%.o,$(wildcard *.c))
%.o: %.c
	gcc -O2 -fmax-include-depth=2000 -c $<
END

for size in "$@"; do
    mkdir "files$size"
    cd "files$size"
    i=0
    while [ $i -lt "$size" ]; do
        echo "#include <stdio.h>
int f$i(int x) { return printf(\"%d\", x + $i); }" >f$i.c
        i=$((i + 1))
    done
    measure files "$size" "$size"
    cd ..

    for shape in deep wide; do
        mkdir $shape"$size"
        cd $shape"$size"
        i=0
        while [ $i -lt "$size" ]; do
            next=
            if [ $shape = deep ] && [ $((i + 1)) -lt "$size" ]; then
                next="#include \"h$((i + 1)).h\""
            fi
            echo "$next
extern int v$i;" >h$i.h
            [ $shape = deep ] || echo "#include \"h$i.h\"" >>all.h
            i=$((i + 1))
        done
        [ $shape = wide ] || echo '#include "h0.h"' >all.h
        # Ten times, since one compile is too short for the clock.
        for i in 0 1 2 3 4 5 6 7 8 9; do
            echo "#include \"all.h\"
int f$i(void) { return v0; }" >f$i.c
        done
        measure $shape "$size" 10
        cd ..
    done
done
