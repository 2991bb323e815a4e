# Rows of constructs.tsv: what was seen of a compile, and whether it is so when it is to be answered.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # sourced by rows.sh

setup_seen_directory_appears() { header 1 n.h; mkdir b; mv n.h b; uses n.h; }
row_seen_directory_appears() { $cc -Ia -Ib -c a.c; }
change_seen_directory_appears() { mkdir a; header 2 a/n.h; }
setup_seen_directory_there() { mkdir -p a/n.h b; header 1 b/n.h; uses n.h; }
row_seen_directory_there() { $cc -Ia -Ib -c a.c; }
change_seen_directory_there() { rmdir a/n.h; header 2 a/n.h; }
setup_seen_link_moves() { mkdir one two; header 1 one/n.h; header 2 two/n.h; ln -s one inc; uses n.h; }
row_seen_link_moves() { $cc -Iinc -c a.c; }
change_seen_link_moves() { ln -sfn two inc; }
# clang warns of a name that is another file's but for capitals.
setup_seen_capitals() { header 1; ln -s n.h N.h; uses N.h; }
row_seen_capitals() { $cc -c a.c 2>&1; }
change_seen_capitals() { rm N.h && cp n.h N.h; }
# Of two directories that are the same, gcc searches one.
setup_seen_same_directory() {
    mkdir a last && ln -s a b
    echo '#include_next <n.h>' >a/n.h && header 1 last/n.h && uses n.h
}
row_seen_same_directory() { $cc -Ia -Ib -Ilast -c a.c 2>&1; }
change_seen_same_directory() { rm b && mkdir b && header 2 b/n.h; }
setup_seen_same_copy() { setup_seen_same_directory; echo '#ifdef M
#define N 2
#else
#define M
#include_next <n.h>
#endif' >a/n.h; }
row_seen_same_copy() { row_seen_same_directory; }
change_seen_same_copy() { rm b && cp -R a b; }
# A header that is made anew between two compiles of one build.
setup_seen_generated() { uses; }
row_seen_generated() { for n in 1 2; do header $n; $cc -c a.c -o "$n.o"; $cc -c a.c -o again.o; done; }
setup_seen_same_size_and_time() { header 1; touch -d 2020-01-01 n.h; uses; }
row_seen_same_size_and_time() { $cc -c a.c; }
change_seen_same_size_and_time() { header 2; touch -d 2020-01-01 n.h; }
setup_seen_in_place() { header 1; uses; }
row_seen_in_place() {
    $cc -c a.c -o 1.o
    touch -r n.h stamp
    printf '#define N 2' | dd of=n.h conv=notrunc 2>/dev/null
    touch -r stamp n.h
    $cc -c a.c -o 2.o
    rm stamp
}
setup_seen_directory_listed() { mkdir d; one; }
row_seen_directory_listed() { $cc -c a.c -Id; }
change_seen_directory_listed() { echo x >d/x; }
# Other compiles write over its output before, and while, it is looked at.
setup_seen_raced() { for n in 1 2 3 4; do echo "int f(int x) { return x + $n; }" >"$n.c"; done; }
row_seen_raced() {
    while [ ! -e done ]; do :; done &
    for i in 1 2 3 4 5 6 7 8; do
        racers=
        for n in 1 2 3 4; do
            $cc -DI=$i -c "$n.c" -o x.o &
            racers="$racers $!"
        done
        # shellcheck disable=SC2086 # a list
        wait $racers
        for n in 1 2 3 4; do
            $cc -DI=$i -c "$n.c" -o x.o && mv x.o "$i-$n.o"
        done
    done
    touch done
}
setup_seen_own_input() { echo 'int f(void) { return 1; }' >a.s; mv a.s a.c; }
row_seen_own_input() { $cc -S a.c -o a.i && $cc -c -x assembler a.i -o a.o && $cc -S a.c -o a.i; }
setup_seen_preprocessed() { header 1; uses; }
row_seen_preprocessed() { $cc -E a.c; $cc -E a.c -o a.i; $cc -M a.c; $cc -MM -MF a.d a.c; }
change_seen_preprocessed() { header 2; }
setup_seen_program() { echo 'int f(void); int main(void) { return f(); }' >main.c; one; }
row_seen_program() { $cc main.c a.c -o program && ./program; echo $?; $cc -fsyntax-only a.c; }
change_seen_program() { two; }
setup_seen_library() { setup_seen_program; mkdir l k; plainly "$cc" -c a.c -o a.o && ar rc k/libf.a a.o && rm a.o; }
row_seen_library() { $cc main.c -Ll -Lk -lf -o program; ./program; echo $?; }
change_seen_library() { two; plainly "$cc" -c a.c -o a.o && ar rc l/libf.a a.o && rm a.o; }
setup_seen_probe() { echo 'int main(void) { return 0; }' >conftest.c; }
row_seen_probe() {
    $cc -o conftest conftest.c && test -x conftest && ./conftest
    echo 'int main(void) { return 1; }' >conftest.c
    $cc -o conftest conftest.c && ./conftest
    echo $?
    $cc -o conftest none.c || echo 'int main(void) { return none(); }' >conftest.c
    $cc -o conftest conftest.c || $cc -c conftest.c
    true
}
row_seen_print() { $cc -print-file-name=libc.so; $cc -print-prog-name=as; $cc --version; $cc -dumpmachine; $cc -v; }
row_seen_save_temps() { $cc -save-temps -c a.c && $cc -fstack-usage -c a.c; }
row_seen_output_elsewhere() { mkdir /tmp/seen && $cc -c a.c -o /tmp/seen/a.o; cp /tmp/seen/a.o b.o; rm -r /tmp/seen; }
# A source of the same path, and no PWD, which is in the key by itself.
row_seen_directory() { mkdir d e && for d in d e; do (cd $d && env -u PWD "$cc" -g -c ../a.c); done; }
# Entries that end too early.
setup_seen_torn() { header 1; uses; }
row_seen_torn() {
    BST_RECC_LOG_DIRECTORY=/tmp/seen_torn
    export BST_RECC_LOG_DIRECTORY
    $cc -c a.c
    for entry in /tmp/seen_torn/manifest/index/*; do
        [ -f "$entry" ] && head -n 3 "$entry" >/tmp/seen_entry && mv /tmp/seen_entry "$entry"
    done
    header 2
    $cc -c a.c
    rm -rf /tmp/seen_torn
}
# kbuild tries options so.
row_seen_null() {
    $cc -Werror -Wall -c -xc /dev/null -o a.o && $cc -Wall -S -x c /dev/null -o /dev/null
    $cc -Werror -Wnone -c -xc /dev/null -o b.o || true
}
# What is printed, where it goes.
setup_seen_one_stream() { one; echo '#warning of this' >>a.c; }
row_seen_one_stream() { $cc -E a.c >both 2>&1; $cc -E a.c 2>&1 | cat >piped; $cc -v -E a.c 2>&1 | grep -c .; }
setup_seen_full() { setup_seen_one_stream; }
# clang's addresses of itself differ each time.
row_seen_full() { $cc -E a.c >/dev/full 2>/dev/null; echo $?; $cc -c a.c 2>/dev/full; echo $?; }
setup_seen_nobody_reads() { setup_seen_one_stream; }
row_seen_nobody_reads() { { sleep 0.3; $cc -E a.c 2>/dev/null; echo $? >&2; } | :; }
setup_seen_columns() { one; }
row_seen_columns() { COLUMNS=${columns:-60} $cc --help=common | head -n 9; }
change_seen_columns() { columns=120; }
# Variables that only a linker knows.
setup_seen_target() { setup_link; }
row_seen_target() { ${target:+env} ${target:+GNUTARGET=$target} "$cc" a.o b.o -o program 2>/dev/null; echo $?; rm -f program; }
change_seen_target() { target=binary; }
setup_seen_statistics() { setup_link; }
row_seen_statistics() { ${stats:+env} ${stats:+LD_STATS=stats} "$cc" a.o b.o -o program; test ! -s stats; echo $?; rm -f stats; }
change_seen_statistics() { stats=yes; }
