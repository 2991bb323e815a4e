# Rows of constructs.tsv: what only clang has.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # sourced by rows.sh

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
