#!/bin/sh
# Runs in an element's sandbox: compiles each row of constructs.tsv with the bare compiler and through recc.
# SPDX-License-Identifier: Apache-2.0
#
# usage: rows.sh [--recc|--ask|--check] C-COMPILER C++-COMPILER [NAME…]
#
# --recc: without what is remembered of compiles. --ask: with it, but recc is asked as well.
# --check: each hit is compiled again.
# A row NAME is a function row_NAME, which compiles, in one of the files rows-*.sh.
# setup_NAME, where there is one, writes the sources; else there is a.c. change_NAME,
# where there is one, changes what the result must follow. Names that begin with gcc_
# or clang_ are of that compiler alone.
#
# The reference is the compiler without any wrapper; in mode off the wrapper is compared
# with it once, in the other modes cold, warm and after the change. All phases of a row run
# in the same directory, since it is part of an action, and no two rows share one.
# Compared: every file (kind, mode, link, content), both outputs, and the exit status.
# Printed: ROW NAME cold=… warm=… changed=… same=… status=…, where an outcome is
# hits h runs x +reason, and 'status' is the bare compiler's.
set -u
# Whatever a compile costs here.
export BST_RECC_ASK_ABOVE=1000000
case $1 in
--recc) BST_RECC_MANIFEST=off && export BST_RECC_MANIFEST && shift ;;
--ask) BST_RECC_ASK_ABOVE=0 && shift ;;
--check) BST_RECC_CHECK=1/1 && export BST_RECC_CHECK && shift ;;
esac
cc=$1
cxx=$2
shift 2
export cc cxx
here=$PWD
mode=$BST_RECC_MODE
wrapped_path=$PATH
bare_path=/usr/bin:/bin:/usr/sbin:/sbin
# What is measured stands in memory: the build directory holds what the row made, alone.
work=$(mktemp -d /dev/shm/rows-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/manifest"
tab=$(printf '\t')
echo 'STDERR' >"$work/rule"

# A command with the bare compiler, in any phase: what a row needs but does not try.
plainly() { PATH=$bare_path "$@"; }
# shellcheck disable=SC2120 # by rows
one() { echo 'int f(int x) { return x + 1; }' >"${1:-a.c}"; }
two() { echo 'int f(int x) { return x + 2; }' >"${1:-a.c}"; }
# A source that uses n.h, which defines N.
header() { echo "#define N $1" >"${2:-n.h}"; }
uses() { printf '#include "%s"\nint n = N;\n' "${1:-n.h}" >"${2:-a.c}"; }
has() { command -v "$1" >/dev/null; }

# Everything that a row left, as text.
look() {
    find . -printf '%p %y %m %l\n' -type f -exec sha256sum {} +
}

# phase NAME PHASE MODE CHANGE: leaves what was made in $work/NAME.PHASE, the outcome in $outcome.
phase() {
    root=$here/rows/$1
    rm -rf "$root" && mkdir -p "$root" || exit 2
    log=$work/$1.$2.log
    # A subshell: what a row sets is not seen by another.
    (
        cd "$root" || exit 2
        umask 022
        PATH=$bare_path
        if has setup_"$1"; then setup_"$1"; else one a.c; fi
        [ "$4" = no ] || change_"$1"
        if [ "$3" != bare ]; then
            PATH=$wrapped_path
            BST_RECC_MODE=$3
            BST_RECC_LOG_DIRECTORY=$log
            # What is remembered of compiles is there in all phases.
            mkdir -p "$log" && ln -sfn "$work/manifest" "$log/manifest"
            export BST_RECC_MODE BST_RECC_LOG_DIRECTORY
        fi
        cd "$root" || exit 2
        row_"$1"
    ) </dev/null >"$work/$1.stdout" 2>"$work/$1.stderr"
    status=$?
    {
        (cd "$root" && look) | LC_ALL=C sort
        cat "$work/$1.stdout" "$work/rule" "$work/$1.stderr"
        echo "STATUS $status"
    } >"$work/$1.$2"
    outcome "$log/log"
}

# outcome LOG: what the wrapper says that it did, in $outcome.
outcome() {
    hits=0
    runs=0
    reasons=
    if [ -e "$1" ]; then
        while IFS=$tab read -r kind word _; do
            case $kind/$word in
            alone/* | */error)
                case $reasons+ in
                *"+$word+"*) ;;
                *) reasons=$reasons+$word ;;
                esac
                ;;
            */hit) hits=$((hits + 1)) ;;
            */local | */remote | */verified) runs=$((runs + 1)) ;;
            esac
        done <"$1"
    fi
    outcome=${hits}h${runs}x$reasons
}

# compare NAME PHASE REFERENCE
compare() {
    cmp -s "$work/$1.$2" "$work/$1.$3" && return
    same=no
    echo "DIFFERS $1 $2"
    diff -a "$work/$1.$3" "$work/$1.$2" | head -n 40
}

run() {
    same=yes
    warm=-
    changed=-
    phase "$1" bare bare no
    wanted=$status
    phase "$1" cold "$mode" no
    cold=$outcome
    compare "$1" cold bare
    if [ "$mode" != off ]; then
        phase "$1" warm "$mode" no
        warm=$outcome
        compare "$1" warm bare
        if has change_"$1"; then
            phase "$1" bare2 bare yes
            wanted=$status
            phase "$1" changed "$mode" yes
            changed=$outcome
            compare "$1" changed bare2
        fi
    fi
    echo "ROW $1 cold=$cold warm=$warm changed=$changed same=$same status=$wanted"
}

# share NUMBER OF NAME…: every so manieth row. Most of a row's time is spent waiting.
share() {
    own=$1
    number=$1
    of=$2
    shift 2
    for name; do
        number=$((number - 1))
        [ $((number % of)) = 0 ] || continue
        echo "$name" >"$work/now.$own"
        # At once, so that the rows of several do not mix.
        run "$name" >"$work/$name.report" 2>&1
        cat "$work/$name.report"
        rm -rf "$work/$name".*
    done
    rm "$work/now.$own"
}

# Ends the processes of a row that has not ended after a minute: those that work in its directory.
watch() {
    while sleep 10; do
        for now in "$work"/now.*; do
            [ -n "$(find "$now" -mmin +1)" ] || continue
            read -r name <"$now"
            touch "$now"
            echo "ENDLESS $name"
            for process in /proc/[0-9]*; do
                case $(readlink "$process/cwd")/ in
                "$here/rows/$name"[\ /]*) kill -9 "${process#/proc/}" ;;
                esac
            done
        done
    done
} 2>/dev/null

for file in "$here"/rows-*.sh; do
    # shellcheck disable=SC1090 # which they are is seen here
    . "$file"
done
names=
apart=
# shellcheck disable=SC2046 # words
[ $# != 0 ] || set -- $(sed -n 's/^row_\([a-z0-9_]*\)().*/\1/p' "$here"/rows-*.sh)
for name; do
    case ${cc%%-*}/$name in
    gcc/clang_* | clang/gcc_*) ;;
    # The toolchain has no run-time library for clang's profiles, and a missing one is an error.
    clang/profile_*) ;;
    # These touch what all share.
    */apart_*) apart="$apart $name" ;;
    *) names="$names $name" ;;
    esac
done
watch &
watcher=$!
shares=
for number in 1 2 3; do
    # shellcheck disable=SC2086 # words
    share $number 3 $names &
    shares="$shares $!"
done
# shellcheck disable=SC2086 # words
wait $shares
# shellcheck disable=SC2086 # words
share 1 1 $apart
kill $watcher
