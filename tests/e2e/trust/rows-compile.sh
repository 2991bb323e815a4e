# Rows of constructs.tsv: compiles as every build has them.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # sourced by rows.sh

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
staged_header() { header "$1" p.h; touch -d @1321009871 p.h; }
setup_pch() { staged_header 1; echo 'int n = N;' >a.c; }
row_pch() { $cc -x c-header p.h -o p.h.gch && $cc -include p.h -c a.c; rm p.h.gch; }
change_pch() { staged_header 2; }

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
