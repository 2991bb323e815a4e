# Rows of constructs.tsv: signals, limits, and how the compiler is found.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # sourced by rows.sh

# A compile of seconds, and what is left of it when it was stopped: processes whose
# working directory is the row's, and files (those are seen by the engine). gcc itself
# leaves its cc1plus running when it alone is told to end; clang, perhaps, a temporary file.
slow() { printf '#include <regex>\nstd::regex r(const char *s) { return std::regex(s); }\n' >a.cpp; }
left() {
    sleep "${1:-3}"
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/cwd")" != "$PWD" ] || grep -v -x -e sh -e grep -e cc1plus -e 'clang.*' "$process/comm"
    done 2>/dev/null
    rm -f a-*.o.tmp
}
setup_signal_term() { slow; }
row_signal_term() { timeout --foreground --preserve-status -s TERM 0.7 "$cxx" -O2 -c a.cpp; echo $?; left; }
setup_signal_int_group() { slow; }
row_signal_int_group() { timeout --preserve-status -s INT 0.7 "$cxx" -O2 -c a.cpp; echo $?; left; }
setup_signal_term_group() { slow; }
row_signal_term_group() { timeout --preserve-status -s TERM 0.7 "$cxx" -O2 -c a.cpp; echo $?; left; }
setup_signal_hangup() { slow; }
row_signal_hangup() { timeout --foreground --preserve-status -s HUP 0.7 "$cxx" -O2 -c a.cpp; echo $?; left; }
setup_signal_int_ignored() { one; }
row_signal_int_ignored() { (trap '' INT; $cc -c a.c); }
setup_signal_background() { slow; }
row_signal_background() { "$cxx" -O2 -c a.cpp & sleep 0.7; kill $!; wait $!; echo $?; left; } 2>/dev/null
# A hit that is stopped midway, at several times: no object, or the whole; nothing else.
row_signal_during_hit() {
    $cc -c a.c && mv a.o b.o
    for time in 0.005 0.02 0.04 0.06 0.08; do timeout --foreground -s TERM "$time" "$cc" -c a.c; done
    left 1 && [ ! -e a.o ] || cmp a.o b.o && rm -f a.o
} 2>/dev/null
row_signal_kill_during_hit() {
    $cc -c a.c && mv a.o b.o
    for time in 0.005 0.02 0.04 0.06 0.08; do timeout --foreground -s KILL "$time" "$cc" -c a.c; done
    left 2 && [ ! -e a.o ] || cmp a.o b.o && rm -f a.o
} 2>/dev/null
large() { echo 'int large[100000] = {1};' >a.c; }
setup_limit_file_size() { large; }
row_limit_file_size() { (ulimit -f 100; $cc -c a.c 2>/dev/null; echo $?); rm -f a.o; left 0; }
setup_limit_file_size_hit() { large; }
row_limit_file_size_hit() { $cc -c a.c && rm a.o && (ulimit -f 100; $cc -c a.c 2>/dev/null; echo $?); rm -f a.o; left 0; }
# shellcheck disable=SC3045 # dash has it
row_limit_files() { (ulimit -n 20; $cc -c a.c); }
# shellcheck disable=SC3045
row_limit_processor() { (ulimit -t 20; $cc -c a.c); }
# shellcheck disable=SC3045
row_limit_core() { (ulimit -c 0; nice -n 5 "$cc" -c a.c); }
# Several at once.
row_at_once_same_output() { $cc -c a.c & $cc -c a.c; wait; }
setup_at_once_sixteen() { for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do echo "int n = $n;" >$n.c; done; }
row_at_once_sixteen() { for n in *.c; do $cc -c "$n" & done; wait; }
setup_make_jobs() { setup_at_once_sixteen; }
# shellcheck disable=SC2016 # for make
row_make_jobs() { printf 'all: %s\n%%.o: %%.c\n\t+@$(cc) -c $<\n' "$(echo *.c | sed 's/\.c/.o/g')" | make -s -j8 -f -; }
setup_make_jobs_lto() { answer 1 b; echo 'int answer(void); int main(void) { return answer(); }' >a.c; }
# shellcheck disable=SC2016
row_make_jobs_lto() { printf 'all:\n\t+@$(cc) -O2 -flto=jobserver -frandom-seed=a a.c b.c -o program\n' | make -s -j2 -f -; }
row_temporary_directory() { mkdir t && TMPDIR=$PWD/t $cc -c a.c; }
row_temporary_directory_missing() { TMPDIR=$PWD/none $cc -c a.c; }
row_temporary_directory_pipe() { mkdir t && TMPDIR=$PWD/t $cc -pipe -c a.c; }
row_descriptors() { $cc -c a.c 7>seven 8</dev/null; }

# The build's own libraries under the names of recc's.
libraries() {
    mkdir lib
    one
    for name; do
        [ -e lib/own ] || plainly "$cc" -shared -fPIC a.c -o lib/own
        cp lib/own "lib/$name"
    done
}
# shellcheck disable=SC2046 # names
setup_libraries_recc() { libraries libcrypto.so.3 libssl.so.3 $(find /usr/lib /usr/recc -name 'lib[pga][rb][osp][tcl]*.so.*' -printf '%f '); }
row_libraries_recc() { LD_LIBRARY_PATH=$PWD/lib $cc -c a.c; }
setup_libraries_recc_relative() { libraries libcrypto.so.3; }
row_libraries_recc_relative() { LD_LIBRARY_PATH=lib:${LD_LIBRARY_PATH:-} $cc -c a.c; }
setup_libraries_cxx() { libraries libstdc++.so.6 libgcc_s.so.1; }
row_libraries_cxx() { LD_LIBRARY_PATH=$PWD/lib $cc -c a.c; }
setup_libraries_z() { libraries libz.so.1; }
row_libraries_z() { LD_LIBRARY_PATH=$PWD/lib $cc -c a.c; echo $?; }
setup_libraries_empty() { one; mkdir lib; }
row_libraries_empty() { LD_LIBRARY_PATH=$PWD/lib $cc -c a.c; }
setup_libraries_preload() { libraries libown.so; }
row_libraries_preload() { LD_PRELOAD=$PWD/lib/libown.so $cc -c a.c; }
row_libraries_bind_now() { LD_BIND_NOW=1 $cc -c a.c; }

# How the compiler is called.
row_name_absolute() { "$(command -v "$cc")" -c a.c; }
row_name_real() { "$(readlink -f "$(command -v "$cc")")" -c a.c; }
row_name_own_link() { ln -s "$(command -v "$cc")" my-cc && ./my-cc -c a.c; rm my-cc; }
row_name_own_link_in_path() { mkdir x && ln -s "$(command -v "$cc")" x/my-cc && PATH=$PWD/x:$PATH my-cc -c a.c; rm -r x; }
row_name_own_link_same() { mkdir x && ln -s "$(command -v "$cc")" "x/$cc" && PATH=$PWD/x:$PATH $cc -c a.c; rm -r x; }
row_name_script() { printf '#!/bin/sh\nexec %s "$@"\n' "$cc" >my-cc && chmod +x my-cc && ./my-cc -c a.c; }
row_name_directory_link() { ln -s "$(dirname "$(command -v "$cc")")" x && PATH=$PWD/x:$PATH timeout 20 "$cc" -c a.c; rm x; }
row_name_directory_link_alone() { ln -s "$(dirname "$(command -v "$cc")")" x && PATH=$PWD/x:$bare_path timeout 20 "$cc" -c a.c; rm x; }
row_name_directory_dots() { d=$(dirname "$(command -v "$cc")") && PATH=$d/../bin/:$bare_path timeout 20 "$cc" -c a.c; }
row_name_directory_twice() { PATH=$PATH:$PATH timeout 20 "$cc" -c a.c; }
row_name_path_field() { PATH=$(dirname "$(command -v "$cc")"):/usr/bin $cc -c a.c; }
row_name_path_empty_element() { PATH=:$PATH: $cc -c a.c; }
row_name_path_short() { d=$(command -v "$cc"); PATH=/nowhere "$d" -c a.c; echo $?; }
row_name_no_environment() { env -i PATH="$PATH" "$cc" -c a.c; }
row_name_no_path() { d=$(command -v "$cc"); env -u PATH "$d" -c a.c; }
row_name_missing() { command -v no-such-compiler; command -v "$cc-99" || echo missing; }
row_name_version() { plainly gcc -dumpversion >/dev/null; x86_64-linux-gnu-gcc -c a.c; }
row_name_cc() { cc -c a.c; }
row_name_env() { env "$cc" -c a.c; }
row_name_exec() { (exec "$cc" -c a.c); }
row_name_home() { HOME=/nonexistent $cc -c a.c; }
row_name_mode_unset() { env -u BST_RECC_MODE "$cc" -c a.c; }
row_name_log_unset() { env -u BST_RECC_LOG_DIRECTORY "$cc" -c a.c; }
row_name_other_variables() { A='x
y' B="$(printf '\351')" $cc -c a.c; }
# All but the way to the cache.
row_apart_temporary_files_gone() { find /tmp -mindepth 1 ! -name casd.sock -delete; $cc -c a.c; }
row_apart_memory_files_gone() { $cc -c a.c; rm -rf /dev/shm/bst-recc "${BST_RECC_LOG_DIRECTORY:-/none}"; $cc -c a.c -o b.o; }
