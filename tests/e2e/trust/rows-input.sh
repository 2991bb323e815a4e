# Rows of constructs.tsv: standard input, and what the assembler reads.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # sourced by rows.sh

# Standard input in all its guises. A timeout: what nobody writes is waited for without end.
row_stdin_device() { echo 'int x;' | $cc -c -x c /dev/stdin -o a.o; }
row_stdin_device_file() { $cc -c -x c /dev/stdin -o a.o <a.c; }
change_stdin_device_file() { two; }
row_stdin_device_error() { echo 'int x' | $cc -c -x c /dev/stdin -o a.o; }
row_stdin_descriptor() { echo 'int x;' | $cc -c -x c /dev/fd/0 -o a.o; }
row_stdin_proc() { echo 'int x;' | $cc -c -x c /proc/self/fd/0 -o a.o; }
row_stdin_other_descriptor() { $cc -c -x c /dev/fd/6 -o a.o 6<a.c; }
change_stdin_other_descriptor() { two; }
row_stdin_dash() { echo 'int x;' | $cc -c -x c - -o a.o; }
row_stdin_dash_error() { echo 'int x' | $cc -c -x c - -o a.o; }
row_stdin_here_document() { $cc -c -x c - -o a.o <<END
int x = ${n:-1};
END
}
change_stdin_here_document() { n=2; }
row_stdin_include() { echo '#define N 1' | $cc -include /dev/stdin -c a.c; }
row_stdin_include_dash() { echo '#define N 1' | $cc -include - -c a.c; }
setup_stdin_included() { echo '#include "/dev/stdin"' >a.c; }
row_stdin_included() { echo "int x = ${n:-1};" | $cc -c a.c; }
change_stdin_included() { n=2; }
setup_stdin_header_link() { uses; ln -s /dev/stdin n.h; }
row_stdin_header_link() { echo "#define N ${n:-1}" | $cc -c a.c; }
change_stdin_header_link() { n=2; }
row_stdin_arguments() { echo '-c a.c' | $cc @/dev/stdin; }
setup_stdin_arguments_file() { one; echo '-DF=1 -c a.c' >args; }
row_stdin_arguments_file() { $cc @/dev/stdin <args; }
change_stdin_arguments_file() { echo '-Df=g -c a.c' >args; }
setup_stdin_arguments_descriptor() { one; echo '-O2 -c a.c' >args; }
row_stdin_arguments_descriptor() { $cc @/dev/fd/6 6<args; }
row_stdin_several() { echo 'int x;' | $cc -c a.c -x c -; }
setup_stdin_fifo() { mkfifo a.c; }
row_stdin_fifo() { { echo 'int x;' >a.c & }; timeout 20 "$cc" -c a.c; }
setup_stdin_fifo_header() { uses; mkfifo n.h; }
row_stdin_fifo_header() { { header 1 & }; timeout 20 "$cc" -c a.c; }
# Not read: it must be there for whoever comes next.
row_stdin_left() { echo rest | { $cc -c a.c; cat; }; }
row_stdin_closed() { $cc -c a.c <&-; }
row_outputs_closed() { $cc -c a.c >&- 2>&-; }
row_stdin_assembler() { echo '.long 1' | $cc -c -x assembler - -o a.o; }
setup_stdin_in_assembler() { printf '%s\n' 'asm(".data\n.incbin \"/dev/stdin\"");' >a.c; one b.c; }
row_stdin_in_assembler() { $cc -c a.c <b.c; }
change_stdin_in_assembler() { two b.c; }

# What the assembler reads, and which assembler.
# Text for the assembler in a C file.
asm() { printf 'asm("%s");\n' "$1" >a.c; }
setup_gcc_as_arguments() { asm '.data\n.long N'; echo '--defsym N=1' >asargs; }
row_gcc_as_arguments() { $cc -Wa,@asargs -c a.c; }
change_gcc_as_arguments() { echo '--defsym N=2' >asargs; }
setup_gcc_as_source() { one; echo '.data
.long 1' >extra.s; }
row_gcc_as_source() { $cc -Wa,extra.s -c a.c; }
change_gcc_as_source() { echo '.data
.long 2' >extra.s; }
row_gcc_as_option() { $cc -Wa,--noexecstack -c a.c; }
setup_as_include() { echo 'asm(".include \"n.inc\"");' >a.c; mkdir d; echo '.globl n
n = 1' >d/n.inc; }
row_as_include() { $cc -Wa,-Id -c a.c; }
change_as_include() { echo '.globl n
n = 2' >d/n.inc; }
setup_as_definition() { asm '.globl n\nn = N'; }
row_as_definition() { $cc -Wa,--defsym,N=1 -c a.c; }
# An assembler of one's own, which a change makes another.
assembler() {
    mkdir -p x
    asm '.globl n\nn = N'
    printf '#!/bin/sh\nexec /usr/bin/x86_64-linux-gnu-as --defsym N=%s "$@"\n' "$1" >x/as
    chmod +x x/as
}
setup_gcc_as_prefix() { assembler 1; }
row_gcc_as_prefix() { $cc -Bx/ -c a.c; }
change_gcc_as_prefix() { assembler 2; }
setup_gcc_as_prefix_apart() { assembler 1; }
row_gcc_as_prefix_apart() { $cc -B x -c a.c; }
change_gcc_as_prefix_apart() { assembler 2; }
setup_gcc_as_prefix_absolute() { assembler 1; }
row_gcc_as_prefix_absolute() { $cc -B"$PWD/x" -c a.c; }
change_gcc_as_prefix_absolute() { assembler 2; }
setup_gcc_as_prefix_in_arguments() { assembler 1; echo '-Bx/ -c a.c' >args; }
row_gcc_as_prefix_in_arguments() { $cc @args; }
change_gcc_as_prefix_in_arguments() { assembler 2; }
setup_gcc_as_compiler_path() { assembler 1; }
row_gcc_as_compiler_path() { COMPILER_PATH=$PWD/x $cc -c a.c; }
change_gcc_as_compiler_path() { assembler 2; }
setup_gcc_as_path() { assembler 1; }
row_gcc_as_path() { PATH=$PWD/x:$PATH $cc -c a.c; }
change_gcc_as_path() { assembler 2; }
setup_gcc_as_path_relative() { assembler 1; }
row_gcc_as_path_relative() { PATH=x:$PATH $cc -c a.c; }
change_gcc_as_path_relative() { assembler 2; }
setup_gcc_as_path_last() { assembler 1; sed -i 's/ = N/ = 1/' a.c; }
row_gcc_as_path_last() { PATH=$PATH:$PWD/x $cc -c a.c; }
setup_gcc_as_exec_prefix() { one; mkdir -p x; }
row_gcc_as_exec_prefix() { GCC_EXEC_PREFIX=$PWD/x/ $cc -c a.c; }
compiler() {
    mkdir -p x
    printf '#!/bin/sh\nexec %s "$@" -Df=%s\n' "$(plainly gcc -print-prog-name=cc1)" "$1" >x/cc1
    chmod +x x/cc1
}
setup_gcc_cc1() { one; compiler g; }
row_gcc_cc1() { $cc -Bx/ -c a.c; }
change_gcc_cc1() { compiler h; }
row_gcc_wrapper_option() { $cc -wrapper env,N=1 -c a.c; }
setup_gcc_specs_apart() { setup_specs; }
row_gcc_specs_apart() { $cc --specs=my.specs -c a.c; }
change_gcc_specs_apart() { change_specs; }
setup_gcc_specs_beside() { setup_specs; mkdir x; mv my.specs x/specs; }
row_gcc_specs_beside() { $cc -Bx/ -c a.c; }
row_plugin_missing() { $cc -fplugin=./none.so -c a.c; }
row_clang_external_as() { $cc -fno-integrated-as -c a.c; }
# Assembler sources.
setup_as_file() { printf '.globl n\nn = 1\n' >a.s; }
row_as_file() { $cc -c a.s; }
change_as_file() { printf '.globl n\nn = 2\n' >a.s; }
setup_as_preprocessed() { header 1; printf '#include "n.h"\n.globl n\nn = N\n' >a.S; }
row_as_preprocessed() { $cc -c a.S; }
change_as_preprocessed() { header 2; }
setup_as_preprocessed_include() { echo '.include "n.inc"' >a.S; printf '.globl n\nn = 1\n' >n.inc; }
row_as_preprocessed_include() { $cc -c a.S; }
change_as_preprocessed_include() { printf '.globl n\nn = 2\n' >n.inc; }
setup_as_language() { printf '.globl n\nn = 1\n' >a.txt; }
row_as_language() { $cc -x assembler-with-cpp -c a.txt -o a.o; }
change_as_language() { printf '.globl n\nn = 2\n' >a.txt; }
