#!/bin/sh
# Runs in an element's sandbox in 'local': changes headers that BuildStream has staged, and compiles again.
# SPDX-License-Identifier: Apache-2.0
#
# Needs one.h and two.h of one size. Prints STAGED WHAT OUTCOME same|DIFFERS for each compile.
set -eu
BST_RECC_ASK_ABOVE=1000000
export BST_RECC_ASK_ABOVE
echo '#include "one.h"
int n = N;' >a.c

compile() {
    gcc -c a.c
    /usr/bin/gcc -c a.c -o bare.o
    outcome=$(tail -n 1 "$BST_RECC_LOG_DIRECTORY/log" | cut -f 2)
    cmp -s a.o bare.o && same=same || same=DIFFERS
    echo "STAGED $1 $outcome $same"
}

compile first
compile again
[ -s "$BST_RECC_LOG_DIRECTORY/staged" ] && echo STAGED is known
cp one.h kept.h
# In place, of the same size and time.
printf '#define N 3' | dd of=one.h conv=notrunc 2>/dev/null
touch -r two.h one.h
compile changed
compile changed-again
cp kept.h one.h
touch -r two.h one.h
compile back
# One staged file in the place of another.
mv two.h one.h
compile replaced
