# Rows of constructs.tsv: what runs without recc, or fails.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # sourced by rows.sh

# Not cached.
setup_incbin() { echo 12345 >data.bin; printf '%s\n' 'asm(".data\n.incbin \"data.bin\"");' >a.c; }
row_incbin() { $cc -c a.c; }
change_incbin() { echo 54321 >data.bin; }

setup_incbin_in_header() { setup_incbin; mv a.c a.h; echo '#include "a.h"' >a.c; }
row_incbin_in_header() { $cc -pipe -O2 -c a.c; }
change_incbin_in_header() { echo 54321 >data.bin; }

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

setup_excluded() { mkdir gen; echo 'int n = 1;' >gen/a.c; }
row_excluded() { BST_RECC_EXCLUDE='b.c gen/*' $cc -c gen/a.c && BST_RECC_EXCLUDE='b.c gen/*' $cc -c "$PWD/gen/a.c"; }
change_excluded() { echo 'int n = 2;' >gen/a.c; }

setup_failing() { echo 'int f(void) { return nonsense; }' >a.c; }
row_failing() { $cc -c a.c; }

setup_hidden_and_failing() { printf '%s\n' 'asm(".data\n.incbin \"none.bin\"");' >a.c; }
row_hidden_and_failing() { $cc -c a.c 2>&1 | sed 's#/tmp/cc[^.]*#/tmp/cc#' >messages && false; }
