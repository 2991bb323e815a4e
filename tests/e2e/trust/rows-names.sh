# Rows of constructs.tsv: names, and places that no other sandbox can have.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # sourced by rows.sh

# Names: sources, headers, outputs and arguments.
latin=$(printf 'h\351')
newline='x
y'
row_names_latin_argument() { $cc -DS="\"caf$latin\"" -c a.c; }
row_names_latin_source() { mv a.c "$latin.c" && $cc -c "$latin.c"; }
row_names_latin_output() { $cc -c a.c -o "$latin.o"; }
setup_names_latin_header() { header 1 "$latin.h"; uses "$latin.h"; }
row_names_latin_header() { $cc -c a.c; }
change_names_latin_header() { header 2 "$latin.h"; }
row_names_latin_directory() { mkdir "$latin" && cd "$latin" && one && $cc -c a.c; }
setup_names_latin_content() { printf 'const char *s = "caf\351";\n' >a.c; }
row_names_latin_content() { $cc -c a.c; }
setup_names_latin_message() { printf '#warning "caf\351"\nint a;\n' >a.c; }
row_names_latin_message() { $cc -c a.c; }
setup_names_utf8() { header 1 é.h; uses é.h ü.c; }
row_names_utf8() { $cc -MD -DS='"ñ"' -c ü.c; }
change_names_utf8() { header 2 é.h; }
# Each in a source's, a header's and an output's name.
odd() { header "$2" "h$1.h"; uses "h$1.h" "a$1.c"; }
setup_names_space() { odd ' ' 1; }
row_names_space() { $cc -MD -c 'a .c' -o 'o .o'; }
change_names_space() { odd ' ' 2; }
setup_names_hash() { odd '#' 1; }
row_names_hash() { $cc -MD -c 'a#.c' -o 'o#.o'; }
change_names_hash() { odd '#' 2; }
setup_names_dollar() { odd '$' 1; }
row_names_dollar() { $cc -MD -c 'a$.c' -o 'o$.o'; }
change_names_dollar() { odd '$' 2; }
setup_names_colon() { odd : 1; }
row_names_colon() { $cc -MD -c a:.c -o o:.o; }
change_names_colon() { odd : 2; }
setup_names_comma() { odd , 1; }
row_names_comma() { $cc -MD -c a,.c -o o,.o; }
change_names_comma() { odd , 2; }
setup_names_newline() { one "$newline.c"; }
row_names_newline() { $cc -c "$newline.c" -o "o$newline.o"; }
row_names_newline_argument() { $cc -DS="$newline" -c a.c; }
setup_names_percent() { odd %20 1; }
row_names_percent() { $cc -MD -c a%20.c -o o%20.o; }
change_names_percent() { odd %20 2; }
setup_names_quotes() { odd "'" 1; }
row_names_quotes() { $cc -MD -c "a'.c" -o "o'.o"; }
change_names_quotes() { odd "'" 2; }
setup_names_backslash() { one 'a\b.c'; }
row_names_backslash() { $cc -MD -c 'a\b.c' -o 'o\n.o'; }
setup_names_semicolon() { odd ';&|' 1; }
row_names_semicolon() { $cc -MD -c 'a;&|.c' -o 'o;.o'; }
change_names_semicolon() { odd ';&|' 2; }
setup_names_star() { odd '*?[a]' 1; }
row_names_star() { $cc -MD -c 'a*?[a].c' -o 'o*.o'; }
change_names_star() { odd '*?[a]' 2; }
setup_names_equal() { odd '=' 1; }
row_names_equal() { $cc -MD -c a=.c -o o=.o; }
change_names_equal() { odd '=' 2; }
setup_names_at() { odd @ 1; }
row_names_at() { $cc -MD -c ./a@.c -o o@.o; }
change_names_at() { odd @ 2; }
row_names_tilde() { mv a.c '~a.c' && $cc -MD -c '~a.c'; }
row_names_dash() { mv a.c ./-x.c && $cc -c ./-x.c; }
row_names_dots() { mv a.c a.b.c.d.c && $cc -MD -c a.b.c.d.c; }
row_names_hidden() { mv a.c .a.c && $cc -MD -c .a.c; }
row_names_only_suffix() { mv a.c .c && $cc -c .c -o c.o; }
row_names_no_suffix() { mv a.c a && $cc -x c -c a; }
row_names_unknown_suffix() { mv a.c a.xyz && $cc -c a.xyz; }
row_names_upper() { mv a.c a.C && $cc -c a.C; }
row_names_cxx() { for s in cc cp cxx cpp c++ CPP; do cp a.c "a.$s" && $cxx -c "a.$s" -o "$s.o"; done; }
row_names_header_as_source() { mv a.c a.h && $cc -x c -c a.h; }
row_names_header_plain() { mv a.c a.h && $cc -c a.h && test -s a.h.[gp]ch; rm -f a.h.?ch; }
row_names_long() { n=$(printf '%0200d' 1) && mv a.c "$n.c" && $cc -MD -c "$n.c"; }
row_names_argument_empty() { $cc -DS= -D E -I '' -c a.c; }
row_names_argument_spaces() { $cc '-DS="a  b"' '-D T = 1' -c a.c; }
# shellcheck disable=SC2046,SC2183 # five thousand words
row_names_arguments_many() { $cc $(printf ' -DX%d' $(seq 5000)) -c a.c; }

# Places that no other sandbox has. What is made in memory is brought here, to be compared.
memory() { m=/dev/shm/row.$1; rm -rf "$m"; mkdir "$m"; }
setup_places_memory_source() { memory source; one "$m/a.c"; }
row_places_memory_source() { $cc -c "$m/a.c" -o a.o; }
change_places_memory_source() { two "$m/a.c"; }
setup_places_memory_header() { memory header; header 1 "$m/n.h"; uses n.h; }
row_places_memory_header() { $cc -I"$m" -c a.c; }
change_places_memory_header() { header 2 "$m/n.h"; }
setup_places_memory_header_link() { memory link; header 1 "$m/n.h"; ln -s "$m/n.h" n.h; uses n.h; }
row_places_memory_header_link() { $cc -c a.c; }
change_places_memory_header_link() { header 2 "$m/n.h"; }
setup_places_memory_arguments() { memory arguments; one; echo '-Df=g -c a.c' >"$m/args"; }
row_places_memory_arguments() { $cc "@$m/args"; }
change_places_memory_arguments() { echo '-Df=h -c a.c' >"$m/args"; }
setup_places_memory_directory() { memory directory; one "$m/a.c"; }
row_places_memory_directory() { (cd "$m" && $cc -g -MD -c a.c && ls -a); mv "$m/a.o" .; }
change_places_memory_directory() { two "$m/a.c"; }
setup_places_memory_output() { memory output; one; }
row_places_memory_output() { $cc -c a.c -o "$m/a.o"; mv "$m/a.o" .; ls -a "$m"; }
setup_places_memory_output_link() { memory outputs; one; ln -s "$m" out; }
row_places_memory_output_link() { $cc -c a.c -o out/a.o; cp out/a.o .; ls -a out/; }
setup_places_memory_dependencies() { memory dependencies; one; }
row_places_memory_dependencies() { $cc -MD -MF "$m/a.d" -c a.c; mv "$m/a.d" .; }
setup_places_temporary_source() { m=/tmp/row.source; rm -rf "$m"; mkdir "$m"; one "$m/a.c"; }
row_places_temporary_source() { $cc -c "$m/a.c" -o a.o; }
change_places_temporary_source() { two "$m/a.c"; }
setup_places_temporary_directory() { m=/tmp/row.directory; rm -rf "$m"; mkdir "$m"; one "$m/a.c"; }
row_places_temporary_directory() { (cd "$m" && $cc -MD -c a.c && ls -a); mv "$m/a.o" .; }
change_places_temporary_directory() { two "$m/a.c"; }
row_places_root() { d=$PWD; cd / && $cc -g -c "$d/a.c" -o "$d/a.o"; }
row_places_deleted() { d=$PWD; mkdir gone && cd gone && rmdir ../gone && $cc -c "$d/a.c" -o "$d/a.o"; }
row_places_above() { mkdir d && cd d && $cc -g -c ../a.c -o a.o; }
row_places_proc() { $cc -c "/proc/self/cwd/a.c" -o a.o; }
row_places_proc_header() { header 1; uses n.h; $cc -I/proc/self/cwd -iquote /proc/self/cwd -c a.c; }
row_places_null_source() { $cc -c -x c /dev/null -o a.o; }
row_places_null_header() { $cc -include /dev/null -c a.c; }
setup_places_moved() { mkdir d; header 1 d/n.h; echo '#include <n.h>
int n = N;' >a.c; }
row_places_moved() { $cc -I"$PWD/d" -MD -c "$PWD/a.c" -o a.o; }
change_places_moved() { header 2 d/n.h; }
