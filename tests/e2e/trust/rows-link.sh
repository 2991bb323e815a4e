# Rows of constructs.tsv: links.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # sourced by rows.sh

# What they link is compiled without recc, so that a hit is the link's own.
BST_RECC_LINKS=all
export BST_RECC_LINKS
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
row_link_lto() { BST_RECC_LINKS=lto $cxx -O2 -flto=auto a.o b.o c.o -o program; }
change_link_lto() { answer 2 b; }

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
row_link_plain() { BST_RECC_LINKS=lto $cc a.o b.o -o program; }
change_link_plain() { answer 2 b; }

setup_link_off() { setup_link_lto; }
row_link_off() { BST_RECC_LINKS=none $cxx -O2 -flto=auto a.o b.o c.o -o program; }
change_link_off() { change_link_lto; }

setup_link_failing() { setup_link; }
row_link_failing() { $cc a.o -o program; }

# Link-time optimisation with objects whose names look like the compiler's own temporary files.
lto() { plainly "$cc" -O2 -flto -frandom-seed=a -c "$1.c" -o "$2"; }
setup_link_lto_temporary() { setup_link; mkdir -p t/ccobj; lto a a.o; lto b t/ccobj/b.o; }
row_link_lto_temporary() { TMPDIR=$PWD/t BST_RECC_LINKS=lto $cc -O2 -flto a.o t/ccobj/b.o -o program; }
change_link_lto_temporary() { answer 2 b; lto b t/ccobj/b.o; }
setup_link_lto_temporary_absolute() { setup_link_lto_temporary; }
row_link_lto_temporary_absolute() { TMPDIR=$PWD/t BST_RECC_LINKS=lto $cc -O2 -flto a.o "$PWD/t/ccobj/b.o" -o program; }
change_link_lto_temporary_absolute() { change_link_lto_temporary; }
setup_link_lto_temporary_here() { setup_link; lto a a.o; lto b cc_b.o; }
row_link_lto_temporary_here() { TMPDIR=$PWD BST_RECC_LINKS=lto $cc -O2 -flto a.o ./cc_b.o -o program; }
change_link_lto_temporary_here() { answer 2 b; lto b cc_b.o; }
setup_link_lto_temporary_default() { setup_link; mkdir -p /tmp/ccrow; lto a a.o; lto b /tmp/ccrow/b.o; }
row_link_lto_temporary_default() { BST_RECC_LINKS=lto $cc -O2 -flto a.o /tmp/ccrow/b.o -o program; }
change_link_lto_temporary_default() { answer 2 b; lto b /tmp/ccrow/b.o; }
setup_link_lto_save_temps() { setup_link; lto a a.o; lto b b.o; }
row_link_lto_save_temps() { BST_RECC_LINKS=lto $cc -O2 -flto --save-temps a.o b.o -o program; : >program.x; rm program.*; }
setup_link_lto_partitions() { setup_link_lto_save_temps; }
row_link_lto_partitions() { BST_RECC_LINKS=lto $cc -O2 -flto=2 -flto-partition=max a.o b.o -o program; }
change_link_lto_partitions() { answer 2 b; lto b b.o; }
setup_gcc_link_lto_archive() { setup_link_lto_save_temps; gcc-ar rc libb.a b.o; rm b.o; }
row_gcc_link_lto_archive() { BST_RECC_LINKS=lto $cc -O2 -flto a.o -L. -lb -o program; }
change_gcc_link_lto_archive() { answer 2 b; lto b b.o; gcc-ar rc libb.a b.o; rm b.o; }
setup_link_lto_relocatable() { setup_link_lto_save_temps; }
row_link_lto_relocatable() { BST_RECC_LINKS=lto $cc -O2 -flto -flinker-output=nolto-rel -r a.o b.o -o c.o; }
change_link_lto_relocatable() { answer 2 b; lto b b.o; }

# Outputs.
setup_link_to_link() { setup_link; echo old >real; ln -s real program; }
row_link_to_link() { $cc a.o b.o -o program; }
setup_link_to_hard_link() { setup_link; echo old >program; ln program other; }
row_link_to_hard_link() { $cc a.o b.o -o program; }
setup_link_mode_600() { setup_link; echo old >program; chmod 600 program; }
row_link_mode_600() { $cc a.o b.o -o program; }
setup_link_umask() { setup_link; }
row_link_umask() { umask "${mask:-022}"; $cc a.o b.o -o program; }
change_link_umask() { mask=077; }
setup_link_default_output() { setup_link; }
row_link_default_output() { $cc a.o b.o; }
change_link_default_output() { answer 2 b; }
setup_link_directory_missing() { setup_link; }
row_link_directory_missing() { $cc a.o b.o -o none/program; }
setup_link_null() { setup_link; }
row_link_null() { $cc a.o b.o -o /dev/null; }
setup_link_directory_name() { setup_link; mkdir real; mv a.o b.o real; ln -s real alias; }
row_link_directory_name() { cd alias && $cc a.o b.o -o program; }

# Inputs.
setup_link_linker_arguments() { setup_link; echo '--defsym=answer=0x42' >args; }
row_link_linker_arguments() { $cc a.o -Wl,@args -no-pie -o program; }
change_link_linker_arguments() { echo '--defsym=answer=0x43' >args; }
setup_link_linker_script_option() { setup_link; echo 'SECTIONS { .own : { *(.own) } } INSERT AFTER .text; own = 1;' >own.ld; }
row_link_linker_script_option() { $cc a.o b.o -Wl,-T,own.ld -o program; }
change_link_linker_script_option() { sed -i 's/= 1/= 2/' own.ld; }
setup_link_start_files() { setup_link; mkdir d; }
row_link_start_files() { $cc -Bd/ a.o b.o -o program; }
setup_link_standard_input_script() { setup_link; }
row_link_standard_input_script() { echo 'INPUT(b.o)' | $cc a.o /dev/stdin -o program; }
setup_link_build_id() { setup_link; }
row_link_build_id() { $cc a.o b.o -Wl,--build-id=sha1 -o program; }
setup_link_random_build_id() { setup_link; }
row_link_random_build_id() { $cc a.o b.o -Wl,--build-id=uuid -o program && test -s program; rm program; }
setup_link_environment_library_path() { setup_link; mkdir d; ar rc d/libb.a b.o; }
row_link_environment_library_path() { LIBRARY_PATH=$PWD/d $cc a.o -lb -o program; }
change_link_environment_library_path() { answer 2 b; ar rc d/libb.a b.o; }
setup_link_preload() { setup_link; }
row_link_preload() { LD_LIBRARY_PATH=$PWD $cc a.o b.o -o program; }
setup_link_trace() { setup_link; }
row_link_trace() { $cc a.o b.o -Wl,--trace -o program >trace; grep -c b.o trace; rm trace; }
setup_link_warnings_fatal() { setup_link_messages; }
row_link_warnings_fatal() { $cc a.o -Wl,--fatal-warnings -o program; }
setup_link_colon() { setup_link; mv b.o b:.o; }
row_link_colon() { $cc a.o b:.o -o program; }
setup_link_comma() { setup_link; mv b.o b,.o; }
row_link_comma() { $cc a.o b,.o -o program; }
# With make, and without: gcc says so then.
setup_gcc_link_make() {
    echo 'int g(void); __attribute__((noipa)) int f(void) { return g(); } int main(void) { return f(); }' >a.c
    echo '__attribute__((noipa)) int g(void) { return 1; }' >b.c
    lto a a.o && lto b b.o
}
row_gcc_link_make() { $cc -O2 -flto=2 -flto-partition=max -frandom-seed=a a.o b.o -o program; }
setup_gcc_link_serial() { setup_gcc_link_make; }
row_gcc_link_serial() {
    $cc -O2 -flto -flto-partition=max -frandom-seed=a a.o b.o -o program
    $cc -O2 -flto=1 -flto-partition=max -frandom-seed=a a.o b.o -o program1
}
# With make's jobserver, and without: gcc says so then.
setup_gcc_link_jobserver() { setup_link_lto_save_temps; }
row_gcc_link_jobserver() {
    # shellcheck disable=SC2016 # for make
    printf 'p: ; +@BST_RECC_LINKS=lto $(cc) -O2 -flto a.o b.o -o p\n' >Makefile
    make -s -j2 p && rm p && make -s p
}
