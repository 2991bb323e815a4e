#!/bin/sh
# Runs in an element's sandbox: compiles each row of docs/trust.md plainly, cold, warm, and after a change.
# SPDX-License-Identifier: Apache-2.0
#
# usage: rows.sh C-COMPILER C++-COMPILER
#
# A row NAME is a function setup_NAME, which writes the sources, and row_NAME,
# which compiles. change_NAME, where there is one, changes what the result must
# follow. All phases run in the same directory, since it is part of an action.
# Printed: ROW NAME cold=… warm=… changed=… same=… where an outcome is
# hits h runs x +reason; 'status' is the exit status of the last; and 'same' says whether files, messages and status were
# those of the plain compile in every phase.
set -u
cc=$1
cxx=$2
export cc
script=$PWD/rows.sh
root=$PWD/rows
mode=$RECC_MODE

# phase NAME PHASE MODE CHANGE: leaves the outcome in $outcome, what was made in $made.
phase() {
    rm -rf "$root"
    mkdir -p "$root"
    cd "$root" || exit 2
    setup_"$1"
    if [ "$4" = yes ]; then
        change_"$1"
    fi
    RECC_MODE=$3
    RECC_LOG_DIRECTORY=/tmp/rows/$1.$2
    export RECC_MODE RECC_LOG_DIRECTORY
    # A subshell: a row may set variables.
    (row_"$1") >stdout.txt 2>stderr.txt
    status=$?
    echo "$status" >status.txt
    made=$(find . -type f | sort | xargs -d '\n' sha256sum)
    if [ -d "$RECC_LOG_DIRECTORY" ]; then
        hits=$(cat "$RECC_LOG_DIRECTORY"/recc.* 2>/dev/null | grep -c 'Action Cache hit')
        runs=$(cat "$RECC_LOG_DIRECTORY"/recc.* 2>/dev/null | grep -c -e 'Executing action remotely' -e 'only mode, executing locally')
        reasons=$({
            cat "$RECC_LOG_DIRECTORY"/*.note 2>/dev/null | sed -n -e 's/^uncached \([^ ]*\).*/+\1/p' \
                -e 's/^[a-z]* [0-9]* [0-9]* \(hidden-input\|error\|link\) .*/+\1/p'
            cat "$RECC_LOG_DIRECTORY"/recc.* 2>/dev/null | sed -n 's/.*Not a compiler command.*/+not-supported/p'
        } | sort -u | tr -d '\n')
        outcome=${hits}h${runs}x$reasons
    else
        outcome=none
    fi
}

run() {
    same=yes
    phase "$1" plain off no
    plain=$made
    phase "$1" cold "$mode" no
    cold=$outcome
    [ "$made" = "$plain" ] || { same=no; differs cold "$plain"; }
    phase "$1" warm "$mode" no
    warm=$outcome
    [ "$made" = "$plain" ] || { same=no; differs warm "$plain"; }
    changed=-
    if command -v change_"$1" >/dev/null; then
        phase "$1" plain2 off yes
        plain=$made
        phase "$1" changed "$mode" yes
        changed=$outcome
        [ "$made" = "$plain" ] || { same=no; differs changed "$plain"; }
    fi
    echo "ROW $1 cold=$cold warm=$warm changed=$changed same=$same status=$status"
}

differs() {
    echo "DIFFERS $1"
    echo "$2" >/tmp/wanted
    echo "$made" | diff /tmp/wanted - || true
    cat stderr.txt
}

# Cached right.
setup_plain() { echo 'int f(int x) { return x + 1; }' >a.c; }
row_plain() { $cc -O2 -c a.c; }
change_plain() { echo 'int f(int x) { return x + 2; }' >a.c; }

setup_date() { echo 'const char *d = __DATE__ __TIME__;' >a.c; }
row_date() { $cc -c a.c; }

setup_date_changed() { setup_date; }
row_date_changed() { SOURCE_DATE_EPOCH=${epoch:-1000000000} $cc -c a.c; }
change_date_changed() { epoch=1100000000; }

setup_no_date() { setup_plain; }
row_no_date() { unset SOURCE_DATE_EPOCH; $cc -c a.c; }

setup_file() { echo 'const char *f = __FILE__;' >a.c; }
row_file() { $cc -c a.c && $cc -c "$PWD/a.c" -o b.o; }

setup_debug() { echo '#include <stdio.h>
int f(void) { return puts("x"); }' >a.c; }
row_debug() { $cc -g3 -c a.c && $cc -g -ffile-prefix-map="$PWD"=/src -c a.c -o b.o; }

setup_generated_header() { echo '#define N 1' >gen.h; echo '#include "gen.h"
int n = N;' >a.c; }
row_generated_header() { $cc -c a.c; }
change_generated_header() { echo '#define N 2' >gen.h; }

setup_response_file() { echo 'int n = N;' >a.c; echo '-O2 -DN=1' >args; }
row_response_file() { $cc @args -c a.c; }
change_response_file() { echo '-O2 -DN=2' >args; }

setup_response_file_whole() { setup_response_file; echo '-DN=1 -c a.c' >args; }
row_response_file_whole() { $cc @args; }
change_response_file_whole() { echo '-DN=2 -c a.c' >args; }

setup_depfile() { mkdir inc; echo '#define N 1' >inc/n.h; echo '#include <limits.h>
#include "inc/n.h"
int n = N;' >a.c; }
row_depfile() { $cc -MD -c a.c && $cc -MMD -MP -MF b.dep -MT 'x y' -c a.c -o b.o; }
change_depfile() { echo '#include "m.h"' >inc/n.h; echo '#define N 2' >inc/m.h; }

setup_warnings() { echo 'int f(void) { int unused; }' >a.c; }
row_warnings() { $cc -Wall -c a.c; }

setup_embed() { echo 12345 >data.bin; echo 'const char d[] = {
#embed "data.bin"
};' >a.c; }
row_embed() { $cc -std=gnu23 -c a.c; }
change_embed() { echo 54321 >data.bin; }

setup_has_include() { echo '#if __has_include("x.h")
int has = 1;
#else
int has = 0;
#endif' >a.c; }
row_has_include() { $cc -c a.c; }
change_has_include() { : >x.h; }

setup_has_include_gone() { setup_has_include; : >x.h; }
row_has_include_gone() { $cc -c a.c; }
change_has_include_gone() { rm x.h; }

setup_identical_headers() {
    mkdir a b
    echo '#pragma once
#define N 1' >a/same.h
    cp a/same.h b/same.h
    touch -d @0 a/same.h b/same.h
    echo '#include "a/same.h"
#include "b/same.h"
int n = N;' >a.c
}
row_identical_headers() { $cc -c a.c; }

setup_shadowing_header() { mkdir one two; echo '#define N 1' >two/n.h; echo '#include <n.h>
int n = N;' >a.c; }
row_shadowing_header() { $cc -Ione -Itwo -c a.c; }
change_shadowing_header() { echo '#define N 2' >one/n.h; }

setup_odd_names() { mkdir 'o d'; echo '#define N 1' >'o d/a #b.h'; echo '#if __has_include("o d/a #b.h")
#include "o d/a #b.h"
#endif
int n = N;' >a.c; }
row_odd_names() { $cc -c a.c; }
change_odd_names() { echo '#define N 2' >'o d/a #b.h'; }

# shellcheck disable=SC2016 # a name with a dollar sign
setup_dollar_name() { echo '#define N 1' >'a$b.h'; echo '#include "a$b.h"
int n = N;' >a.c; }
row_dollar_name() { $cc -c a.c; }

setup_several_sources() { echo 'int a;' >a.c; echo 'int b;' >b.c; }
row_several_sources() { $cc -c a.c b.c; }

setup_coverage() { setup_plain; }
row_coverage() { $cc --coverage -frandom-seed=a -c a.c; }

setup_split_dwarf() { setup_debug; }
row_split_dwarf() { $cc -g -gsplit-dwarf -c a.c; }

setup_unity() { setup_several_sources; echo '#include "a.c"
#include "b.c"' >unity.c; }
row_unity() { $cc -c unity.c; }
change_unity() { echo 'long a;' >a.c; }

setup_specs() { echo '#if defined LOCAL
int s = LOCAL;
#endif' >a.c; echo '*cpp:
+ -DLOCAL=1
' >my.specs; }
row_specs() { $cc -specs=my.specs -c a.c; }
change_specs() { echo '*cpp:
+ -DLOCAL=2
' >my.specs; }

# As BuildStream stages sources: all of one time, which is part of clang's precompiled headers.
header() { echo "#define N $1" >p.h; touch -d @1321009871 p.h; }
setup_pch() { header 1; echo 'int n = N;' >a.c; }
row_pch() { $cc -x c-header p.h -o p.h.gch && $cc -include p.h -c a.c; rm p.h.gch; }
change_pch() { header 2; }

setup_cpath() { mkdir one two; echo '#define N 1' >one/n.h; echo '#define N 2' >two/n.h; echo '#include <n.h>
int n = N;' >a.c; cp a.c a.cpp; }
row_cpath() {
    CPATH=$PWD/${chosen:-one} $cc -c a.c -o 1.o
    C_INCLUDE_PATH=$PWD/${chosen:-one} $cc -c a.c -o 2.o
    CPLUS_INCLUDE_PATH=$PWD/${chosen:-one} $cxx -c a.cpp -o 3.o
}
change_cpath() { chosen=two; }

setup_locale() { setup_warnings; }
row_locale() { LC_ALL=${locale:-C} $cc -Wall -c a.c; }
change_locale() { locale=C.UTF-8; }

setup_unrelated_variable() { setup_plain; }
row_unrelated_variable() { UNRELATED=${value:-1} $cc -c a.c; }
change_unrelated_variable() { value=2; }

# Links. What they link is compiled without recc, so that a hit is the link's own.
RECC_LINK=all
export RECC_LINK
plainly() { RECC_MODE=off "$@"; }
answer() { echo "int answer(void) { return $1; }" >"$2.c"; plainly "$cc" -c "$2.c"; }
setup_link() { echo 'int answer(void); int main(void) { return answer(); }' >a.c; plainly "$cc" -c a.c; answer 1 b; }
row_link() { $cc a.o b.o -o program && test -x program; }
change_link() { answer 2 b; }

setup_link_again() { setup_link; echo old >program; }
row_link_again() { row_link; }
change_link_again() { answer 2 b; }

setup_link_shared() { answer 1 b; echo '{ global: answer; local: *; };' >exported; }
row_link_shared() { $cc -shared b.o -Wl,-soname,libb.so.1 -Wl,--version-script=exported -o libb.so.1; }
change_link_shared() { echo '{ local: *; };' >exported; }

setup_link_archive() { setup_link; ar rc libb.a b.o; }
row_link_archive() { $cc a.o -L. -lb -o program; }
change_link_archive() { answer 2 b; ar rc libb.a b.o; }

setup_link_thin_archive() { setup_link; ar rcT libb.a b.o; }
row_link_thin_archive() { $cc a.o -L. -lb -o program; }
change_link_thin_archive() { answer 2 b; }

setup_link_script() { setup_link; mkdir x; mv b.o x; echo 'INPUT(x/b.o)' >libb.so; }
row_link_script() { $cc a.o -L. -lb -o program; }
change_link_script() { answer 2 b; mv b.o x; }

setup_link_shadowed() { setup_link; mkdir x; ar rc x/libb.a b.o; }
row_link_shadowed() { $cc a.o -L. -Lx -lb -o program; }
change_link_shadowed() { answer 2 b; ar rc libb.a b.o; }

setup_link_needed() {
    setup_link
    plainly "$cc" -shared b.o -Wl,-soname,libb.so.1 -o libb.so.1
    ln -s libb.so.1 libb.so
    echo 'int answer(void); int other(void) { return answer(); }' >c.c
    plainly "$cc" -fPIC -shared c.c -L. -lb -o libc1.so
    echo 'int other(void); int main(void) { return other(); }' >a.c
    plainly "$cc" -c a.c
}
row_link_needed() { $cc a.o -L. -lc1 -Wl,-rpath-link,. -o program && $cc a.o -L. -lc1 -lb -o program2; }

setup_link_response_file() { setup_link; echo 'a.o b.o -o program' >args; }
row_link_response_file() { $cc @args; }
change_link_response_file() { answer 2 b; }

setup_link_outputs() { setup_link; }
row_link_outputs() { $cc a.o b.o -Wl,-Map=program.map -Wl,--dependency-file=program.d -o program; }
change_link_outputs() { answer 2 b; }

setup_link_messages() { echo 'char *tmpnam(char *); int main(void) { return !tmpnam(0); }' >a.c; plainly "$cc" -c a.c; }
row_link_messages() { $cc a.o -o program; }

setup_link_lto() {
    setup_link
    echo '#include <string>
std::string text(int n) { return std::string(n, 0); }' >c.cpp
    plainly "$cc" -O2 -flto -frandom-seed=a -c a.c
    plainly "$cc" -O2 -flto -frandom-seed=b -c b.c
    plainly "$cxx" -O2 -flto -frandom-seed=c -c c.cpp
}
row_link_lto() { RECC_LINK=lto $cxx -O2 -flto=auto a.o b.o c.o -o program; }
change_link_lto() { answer 2 b; }

# Not cached.
setup_incbin() { echo 12345 >data.bin; printf '%s\n' 'asm(".data\n.incbin \"data.bin\"");' >a.c; }
row_incbin() { $cc -c a.c; }
change_incbin() { echo 54321 >data.bin; }

setup_incbin_in_header() { setup_incbin; mv a.c a.h; echo '#include "a.h"' >a.c; }
row_incbin_in_header() { $cc -pipe -O2 -c a.c; }
change_incbin_in_header() { echo 54321 >data.bin; }

# What an earlier compile with the same process number left behind.
setup_process_number() { setup_incbin; }
# shellcheck disable=SC2016 # expanded by the inner shell, whose number the wrapper takes over
row_process_number() {
    sh -c 'mkdir -p "$RECC_LOG_DIRECTORY"; echo data.bin >"$RECC_LOG_DIRECTORY/$$.inputs"; exec $cc -c a.c'
}
change_process_number() { echo 54321 >data.bin; }

setup_save_temps() { setup_plain; }
row_save_temps() { $cc -save-temps -c a.c; }

setup_stack_usage() { setup_plain; }
row_stack_usage() { $cc -fstack-usage -c a.c; }

setup_absolute_output() { setup_plain; }
row_absolute_output() { $cc -c a.c -o /tmp/absolute.o && mv /tmp/absolute.o .; }

setup_compile_and_link() { echo 'int main(void) { return 0; }' >a.c; }
row_compile_and_link() { $cc a.c -o program; }

setup_standard_input() { setup_plain; }
row_standard_input() { $cc -x c -c - -o a.o <a.c; }
change_standard_input() { change_plain; }

setup_profile_use() { echo 'int main(int c, char **v) { int s = 0; for (int i = 0; i < c * 100; i++) s += i; return s == 0; }' >a.c; }
row_profile_use() {
    $cc -O2 -fprofile-generate -fprofile-update=single a.c -o train && ./train && $cc -O2 -fprofile-use=train-a.gcda -c a.c
    rm -f train train-a.gcda
}

setup_profile_in_response_file() { setup_plain; echo '-fprofile-use=none.gcda -Wno-missing-profile' >args; }
row_profile_in_response_file() { $cc @args -O2 -c a.c; }

setup_assembler() { echo '.incbin "data.bin"' >a.S; echo 1 >data.bin; }
row_assembler() { $cc -c a.S; }
change_assembler() { echo 2 >data.bin; }

setup_modules() { echo 'export module m; export int f() { return 1; }' >m.cpp; echo 'import m; int g() { return f(); }' >a.cpp; }
row_modules() { $cxx -std=c++20 -fmodules -c m.cpp && $cxx -std=c++20 -fmodules -c a.cpp; rm -rf gcm.cache; }

setup_dependencies_output() { setup_plain; }
row_dependencies_output() { DEPENDENCIES_OUTPUT=d.d $cc -c a.c; }

setup_link_absolute_output() { setup_link; }
row_link_absolute_output() { $cc a.o b.o -o "$PWD/program"; }
change_link_absolute_output() { answer 2 b; }

setup_link_run_path() { setup_link; }
row_link_run_path() { LD_RUN_PATH=${path:-/one} $cc a.o b.o -o program; }
change_link_run_path() { path=/two; }

setup_link_hidden() {
    setup_link
    echo 12345 >data.bin
    printf '%s\n' 'asm(".data\n.incbin \"data.bin\"\n.text");' >>a.c
    plainly "$cc" -flto -frandom-seed=a -c a.c
}
row_link_hidden() { $cc -flto a.o b.o -o program; }
change_link_hidden() { echo 54321 >data.bin; }

# A linker that the toolchain does not have.
setup_link_other_linker() {
    setup_link
    mkdir x
    printf '#!/bin/sh\nexec /usr/bin/ld --build-id=none "$@"\n' >x/ld
    chmod +x x/ld
}
row_link_other_linker() { $cc -Bx/ a.o b.o -o program; }

setup_link_plain() { setup_link; }
row_link_plain() { RECC_LINK=lto $cc a.o b.o -o program; }
change_link_plain() { answer 2 b; }

setup_excluded() { mkdir gen; echo 'int n = 1;' >gen/a.c; }
row_excluded() { RECC_EXCLUDE='b.c gen/*' $cc -c gen/a.c && RECC_EXCLUDE='b.c gen/*' $cc -c "$PWD/gen/a.c"; }
change_excluded() { echo 'int n = 2;' >gen/a.c; }

setup_link_off() { setup_link_lto; }
row_link_off() { RECC_LINK='' $cxx -O2 -flto=auto a.o b.o c.o -o program; }
change_link_off() { change_link_lto; }

setup_link_failing() { setup_link; }
row_link_failing() { $cc a.o -o program; }

setup_failing() { echo 'int f(void) { return nonsense; }' >a.c; }
row_failing() { $cc -c a.c; }

setup_hidden_and_failing() { printf '%s\n' 'asm(".data\n.incbin \"none.bin\"");' >a.c; }
row_hidden_and_failing() { $cc -c a.c 2>&1 | sed 's#/tmp/cc[^.]*#/tmp/cc#' >messages && false; }

# With clang alone.
setup_clang_pch() { setup_pch; }
row_clang_pch() { $cc -x c-header p.h -o p.pch && $cc -include-pch p.pch -c a.c; rm p.pch; }
change_clang_pch() { change_pch; }

# As cmake makes and uses them.
setup_clang_emit_pch() { setup_pch; }
row_clang_emit_pch() { $cc -Xclang -emit-pch -x c-header -c p.h -o p.pch && test -s p.pch; rm p.pch; }

setup_clang_use_pch() { setup_pch; }
row_clang_use_pch() {
    plainly "$cc" -Xclang -emit-pch -x c-header -c p.h -o p.pch && $cc -Xclang -include-pch -Xclang p.pch -c a.c
    rm p.pch
}
change_clang_use_pch() { change_pch; }

setup_clang_bitcode() { setup_plain; }
row_clang_bitcode() { $cc -O2 -emit-llvm -c a.c && test -e a.bc; }

setup_clang_working_directory() { mkdir x; cd x || exit 2; setup_plain; cd .. || exit 2; }
row_clang_working_directory() { $cc -working-directory="$PWD/x" -c a.c -o a.o; }
change_clang_working_directory() { cd x || exit 2; change_plain; cd .. || exit 2; }

setup_clang_config() { setup_specs; echo '-DLOCAL=1' >my.cfg; }
row_clang_config() { $cc --config="$PWD/my.cfg" -c a.c; }
change_clang_config() { echo '-DLOCAL=2' >my.cfg; }

setup_clang_ignore_list() { setup_plain; echo 'fun:g' >list; }
row_clang_ignore_list() { $cc -fsanitize=signed-integer-overflow -fsanitize-ignorelist=list -c a.c; }
change_clang_ignore_list() { echo 'fun:f' >list; }

setup_clang_print_headers() { setup_depfile; }
row_clang_print_headers() { CC_PRINT_HEADERS=1 CC_PRINT_HEADERS_FILE=headers $cc -c a.c; }

setup_clang_lld() { setup_link; }
row_clang_lld() { $cc -fuse-ld=lld a.o b.o -o program && test -x program; }
change_clang_lld() { change_link; }

setup_clang_thin_lto() { setup_link; }
row_clang_thin_lto() {
    $cc -O2 -flto=thin -c a.c && $cc -O2 -flto=thin -c b.c && plainly "$cc" -flto=thin -fuse-ld=lld a.o b.o -o program
}
change_clang_thin_lto() { change_link; }

sed -n 's/^row_\([a-z_]*\)().*/\1/p' "$script" >/tmp/names
while read -r name; do
    case ${cc%%-*}/$name in
    gcc/clang_*) ;;
    # The toolchain has no run-time library for clang's profiles, and a missing one is an error.
    clang/profile_*) ;;
    *) run "$name" ;;
    esac
done </tmp/names
