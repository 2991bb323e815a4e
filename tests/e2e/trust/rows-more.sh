# Rows of constructs.tsv: constructs of build systems and of other caches' bug reports.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # sourced by rows.sh

# Response files.
row_args_nested() { echo '-O2 @two' >one; echo '-DF=1 -c a.c' >two; $cc @one; }
row_args_nested_directory() { mkdir d && echo '@e/two' >d/one && mkdir e && echo '-Df=g' >e/two && $cc @d/one -c a.c; }
row_args_quoted() { printf '%s\n' '-DS="a  b" -c' "'a.c'" '-o "b c.o"' >args; $cc @args; }
row_args_backslash() { printf '%s\n' '-DT=a\ b -DS=\"x\" -c \a.c' >args; $cc @args; }
row_args_newlines() { printf -- '-c\n\n\ta.c\r\n-o\nb.o' >args; $cc @args; }
row_args_unclosed() { printf '%s' '-c a.c -DS="x' >args; $cc @args; }
row_args_empty() { : >args; $cc @args -c a.c @args; }
row_args_word() { echo '-DN=@none -c a.c' >args; $cc @args; }
row_args_itself() { echo '@args' >args; timeout 20 "$cc" @args -c a.c; }
row_args_absolute() { echo '-Df=g' >args; $cc "@$PWD/args" -c a.c; }
setup_args_dependencies() { uses; header 1; echo '-MD -MF b.d -MT t -c a.c -o b.o' >args; }
row_args_dependencies() { $cc @args; }
change_args_dependencies() { header 2; }
row_args_side_files() { echo '-fstack-usage -c a.c' >args; $cc @args; }

# The order and form of arguments.
row_form_c_last() { $cc a.c -o b.o -c; }
row_form_joined() { $cc -I. -Ifoo -Df=g -Uy -ob.o -xc -c a.c; }
row_form_apart() { $cc -I . -D f=g -U y -o b.o -x c -c a.c; }
row_form_long() { $cc --include-directory=. --define-macro=N=1 --language=c --compile a.c; }
row_form_long_apart() { $cc --define-macro N=1 --optimize=2 --debug --std=c11 -c a.c; }
row_form_language_reset() { $cc -x c++ -c a.c -x none -o b.o; }
row_form_language_cxx() { $cc -x c++ -c a.c; }
row_form_language_twice() { two b.xx; $cc -c a.c -x c++ b.xx; }
row_form_dashes() { $cc -c -- a.c; }
# Words that are arguments of the option before them.
row_form_argument_of_option() { $cc -u -L -DF=1 -Df=g -c a.c; }
change_form_argument_of_option() { two; }
row_form_library_path_argument() { $cc -B -L "-Df=g${n:-1}" -c a.c; }
change_form_library_path_argument() { n=2; }
row_form_include_argument() { header 1; $cc -include n.h -DF=N -imacros n.h -c a.c; }
row_form_undefined_include_argument() { $cc -I -c -c a.c; }
row_form_parameter() { $cc --param max-inline-insns-single=10 --param=max-inline-insns-auto=10 -O2 -c a.c; }
row_form_linker_words() { $cc -c a.c -Wl,-z,now -lm -L. -pthread -Xlinker x 2>&1; }
row_form_extra_object() { plainly "$cc" -c a.c -o z.o; $cc -c a.c z.o; }
row_form_same_twice() { $cc -c a.c a.c; }
row_form_several_dependencies() { two b.c; $cc -MD -c a.c b.c; }
row_form_several_languages() { cp a.c b.cpp; printf 's:\n' >c.s; $cc -c a.c b.cpp c.s; }
row_form_several_failing() { echo nonsense >b.c; $cc -c a.c b.c; }
row_form_unknown_option() { $cc -fno-such-thing -c a.c; }
row_form_unknown_warning() { $cc -Wno-such-thing -c a.c; }
row_form_native() { $cc -march=native -c a.c; }
row_form_native_tune() { $cc -mtune=native -c a.c; }
row_form_native_in_args() { echo -march=native >args; $cc @args -c a.c; }
row_form_machine() { $cc -m64 -march=x86-64-v2 -mno-red-zone -mtune=generic -c a.c; }
row_form_numbers() { $cc -ftabstop=4 -fmax-errors=1 -fmessage-length=60 -c a.c 2>/dev/null; }
row_form_hardened() { $cc -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=3 -fcf-protection -fPIE -fvisibility=hidden -c a.c; }
row_form_sanitized() { $cc -fsanitize=undefined -fno-sanitize-recover=all -c a.c; }
row_form_seed() { $cc -frandom-seed=x -flto -c a.c; }
row_form_debug() { $cc -g3 -gdwarf-5 -gz -ggdb -fdebug-prefix-map="$PWD"=. -c a.c; }
row_form_prefix_maps() { printf 'const char *f = __FILE__;\n' >a.c; $cc -fmacro-prefix-map="$PWD"=/m -c "$PWD/a.c"; }
row_form_record() { $cc -frecord-gcc-switches -grecord-gcc-switches -g -c a.c; }
row_form_pipe() { $cc -pipe -O2 -c a.c; }
row_form_quiet() { echo 'int f(void) { int x; }' >a.c; $cc -Wall -w -c a.c; }
row_form_errors() { echo 'int f(void) { int x; }' >a.c; $cc -Wall -Werror -c a.c; }
row_form_date_time() { echo 'const char *t = __TIME__;' >a.c; $cc -Wdate-time -c a.c; }
row_form_charsets() { printf 'const char *s = "caf\351";\n' >a.c; $cc -finput-charset=latin1 -fexec-charset=UTF-8 -c a.c; }
row_form_standards() { $cc -std=gnu11 -pedantic -Wall -Wextra -c a.c && $cc -ansi -c a.c -o b.o; }
row_form_statistics() { $cc -Q -c a.c >/dev/null 2>&1; }
row_clang_debug_directory() { $cc -g -fdebug-compilation-dir=. -c a.c; }
row_clang_frontend_option() { $cc -Xclang -fno-pch-timestamp -c a.c; }
row_clang_mllvm() { $cc -mllvm -inline-threshold=1 -O2 -c a.c; }
row_clang_target() { $cc --target=x86_64-linux-gnu -c a.c; }

# Dependency files.
setup_deps_subdirectory() { uses n.h; header 1; mkdir d; }
row_deps_subdirectory() { $cc -MD -c a.c -o d/b.o; }
change_deps_subdirectory() { header 2; }
# shellcheck disable=SC2016 # for make
row_deps_quoted_target() { $cc -MD -MT '$(o) x' -c a.c && $cc -MD -MQ '$(o) x' -MF b.d -c a.c -o b.o; }
row_deps_several_targets() { $cc -MMD -MT a -MT b -MQ c -MF x.d -c a.c; }
row_deps_phony() { header 1; uses; $cc -MD -MP -c a.c; }
row_deps_generated() { printf '#include "gen.h"\nint a;\n' >a.c; $cc -MM -MG a.c; }
row_deps_generated_compile() { printf '#include "gen.h"\nint a;\n' >a.c; $cc -MD -MG -c a.c; }
row_deps_standard_output() { $cc -MD -MF - -c a.c; }
row_deps_device() { $cc -MD -MF /dev/null -c a.c; }
row_deps_device_output() { $cc -MD -MF /dev/stdout -c a.c; }
row_deps_joined() { $cc -MD -MFb.d -MTb -c a.c; }
row_deps_absolute() { $cc -MD -MF "$PWD/b.d" -c a.c; }
# Sources of equal content: the file must name the right one.
setup_deps_twins() { mkdir a b; one a/s.c; one b/s.c; }
row_deps_twins() { $cc -MMD -c "${d:-a}/s.c" -o s.o; }
change_deps_twins() { d=b; }
setup_deps_header_gone() { printf '#include "n.h"\n' >a.c; printf '#include "m.h"\n' >n.h; : >m.h; }
row_deps_header_gone() { $cc -MD -c a.c; }
change_deps_header_gone() { rm m.h; : >n.h; }

# Headers.
tree() { mkdir -p a b; header "$1" a/n.h; header 9 b/n.h; echo '#include <n.h>
int n = N;' >a.c; }
setup_headers_order() { tree 1; }
row_headers_order() { $cc "-I${d:-a}" -Ib -c a.c; }
change_headers_order() { d=c; }
setup_headers_system() { tree 1; }
row_headers_system() { $cc -isystem a -idirafter b -MMD -c a.c; }
change_headers_system() { tree 2; }
setup_headers_quote() { tree 1; sed -i 's/<n.h>/"n.h"/' a.c; }
row_headers_quote() { $cc -iquote a -Ib -c a.c; }
change_headers_quote() { rm a/n.h; }
setup_headers_sysroot() { mkdir -p s/usr/include; header 1 s/usr/include/n.h; tree 1; }
row_headers_sysroot() { $cc --sysroot="$PWD/s" -c a.c; }
change_headers_sysroot() { header 2 s/usr/include/n.h; }
setup_headers_isysroot() { setup_headers_sysroot; }
row_headers_isysroot() { $cc -isysroot s -c a.c; }
setup_headers_equal_sign() { setup_headers_sysroot; }
row_headers_equal_sign() { $cc --sysroot=s -I=/usr/include -c a.c; }
change_headers_equal_sign() { header 2 s/usr/include/n.h; }
setup_headers_next() { tree 1; echo '#include_next <n.h>' >b/n.h; }
row_headers_next() { $cc -Ib -Ia -c a.c; }
change_headers_next() { header 2 a/n.h; }
setup_headers_macro() { header 1; echo '#define H "n.h"
#include H
int n = N;' >a.c; }
row_headers_macro() { $cc -c a.c && $cc '-DH="n.h"' -w -c a.c -o b.o; }
change_headers_macro() { header 2; }
setup_headers_symlink() { mkdir v1 v2; header 1 v1/n.h; header 2 v2/n.h; ln -s v1 v; uses v/n.h; }
row_headers_symlink() { $cc -MD -g -c a.c; }
change_headers_symlink() { rm v; ln -s v2 v; }
setup_headers_symlink_file() { header 1 r.h; ln -s r.h n.h; uses; }
row_headers_symlink_file() { $cc -MD -c a.c; }
change_headers_symlink_file() { header 2 q.h; rm n.h; ln -s q.h n.h; }
setup_headers_symlink_beside() { mkdir d; header 1 d/m.h; echo '#include "m.h"' >d/n.h; ln -s d/n.h n.h; header 2 m.h; uses; }
row_headers_symlink_beside() { $cc -c a.c; }
setup_headers_circular() { ln -s n.h n.h; uses; }
row_headers_circular() { $cc -c a.c; }
setup_headers_circular_found() { mkdir a b; ln -s n.h a/n.h; header 1 b/n.h; echo '#include <n.h>
int n = N;' >a.c; }
row_headers_circular_found() { $cc -Ia -Ib -c a.c; }
setup_headers_dotdot() { mkdir -p x/y; ln -s x/y l; header 1 x/n.h; header 2; uses l/../n.h; }
row_headers_dotdot() { $cc -c a.c; }
setup_headers_two_paths() { mkdir d; printf '#pragma once\nint n;\n' >d/n.h; printf '#include "d/n.h"\n#include "../%s/d/n.h"\n' headers_two_paths >a.c; }
row_headers_two_paths() { $cc -c a.c; }
setup_headers_hard_link() { printf '#pragma once\nint n;\n' >n.h; ln n.h m.h; printf '#include "n.h"\n#include "m.h"\n' >a.c; }
row_headers_hard_link() { $cc -c a.c; }
setup_headers_directory() { mkdir n.h d; header 1 d/n.h; uses; }
row_headers_directory() { $cc -Id -c a.c; }
setup_headers_unreadable() { mkdir d; header 1 n.h; header 2 d/n.h; chmod 0 n.h; uses; }
row_headers_unreadable() { $cc -Id -c a.c; }
setup_headers_missing() { uses; }
row_headers_missing() { $cc -c a.c; }
setup_headers_missing_then_there() { printf '#if __has_include("n.h")\n#include "n.h"\n#else\n#define N 0\n#endif\nint n = N;\n' >a.c; }
row_headers_missing_then_there() { $cc -c a.c; }
change_headers_missing_then_there() { header 1; }
setup_headers_next_question() { tree 1; printf '#if __has_include_next("n.h")\n#define N 1\n#else\n#define N 2\n#endif\n' >b/n.h; rm a/n.h; }
row_headers_next_question() { $cc -Ib -Ia -w -c a.c; }
change_headers_next_question() { : >a/n.h; }
setup_headers_itself() { printf '#ifndef A\n#define A\n#include __FILE__\n#else\nint level = __INCLUDE_LEVEL__;\n#endif\n' >a.c; }
row_headers_itself() { $cc -c a.c; }
setup_headers_import() { printf '#ifndef N\n#define N 1\n#endif\n' >n.h; uses; sed -i 's/include/import/' a.c; }
row_headers_import() { $cc -Wno-deprecated -c a.c; }
change_headers_import() { header 2; }
setup_headers_empty() { : >n.h; printf '#include "n.h"\nint a;\n' >a.c; }
row_headers_empty() { $cc -MD -c a.c; }
change_headers_empty() { echo 'int b;' >n.h; }
setup_headers_generated_in_between() { printf '#include "n.h"\nint n = N;\n' >a.c; header 1; }
row_headers_generated_in_between() { $cc -c a.c && header 5 && $cc -c a.c -o b.o; }
setup_headers_absolute() { header 1; printf '#include "%s/n.h"\nint n = N;\n' "$PWD" >a.c; }
row_headers_absolute() { $cc -MD -c a.c; }
change_headers_absolute() { header 2; }

# Sources.
setup_source_embed_limit() { echo 12345 >data; printf 'const char d[] = {\n#embed "data" limit(2) suffix(,0)\n};\n' >a.c; }
row_source_embed_limit() { $cc -std=gnu23 -c a.c; }
change_source_embed_limit() { echo 99 >data; }
setup_source_embed_question() { printf '#if __has_embed("data")\nint a;\n#else\nint b;\n#endif\n' >a.c; }
row_source_embed_question() { $cc -std=gnu23 -c a.c; }
change_source_embed_question() { echo 1 >data; }
setup_source_embed_directory() { mkdir d; echo 1 >d/data; printf 'const char d[] = {\n#embed <data>\n};\n' >a.c; }
row_source_embed_directory() { $cc -std=gnu23 --embed-dir=d -c a.c; }
change_source_embed_directory() { echo 2 >d/data; }
setup_source_embed_device() { printf 'const char d[] = {\n#embed "/dev/zero" limit(3)\n};\n' >a.c; }
row_source_embed_device() { $cc -std=gnu23 -c a.c; }
setup_source_macros() { printf 'int c = __COUNTER__ + __COUNTER__;\nconst char *b = __BASE_FILE__, *f = __FILE_NAME__;\n' >a.c; }
row_source_macros() { mkdir d && cp a.c d && $cc -c d/a.c; }
setup_source_empty() { : >a.c; }
row_source_empty() { $cc -c a.c; }
setup_source_no_newline() { printf 'int a;' >a.c; }
row_source_no_newline() { $cc -Wall -pedantic -c a.c; }
setup_source_dos() { printf '#define A \\\r\n 1\r\nint a = A;\r\n' >a.c; }
row_source_dos() { $cc -c a.c; }
setup_source_mark() { printf '\357\273\277int a;\n' >a.c; }
row_source_mark() { $cc -c a.c; }
setup_source_nul() { printf 'int a;\0\n' >a.c; }
row_source_nul() { $cc -c a.c; }
setup_source_unreadable() { one; chmod 0 a.c; }
row_source_unreadable() { $cc -c a.c; }
setup_source_directory() { mkdir a.c; }
row_source_directory() { $cc -c a.c; }
row_source_missing() { $cc -c none.c; }
row_source_missing_of_two() { $cc -c a.c none.c; }
setup_source_circular() { ln -s a.c a.c; }
row_source_circular() { $cc -c a.c; }
setup_source_symlink() { mkdir d; header 1 d/n.h; uses n.h d/real.c; header 2; ln -s d/real.c a.c; }
row_source_symlink() { $cc -MD -g -c a.c; }
setup_source_symlink_changed() { echo 'int a;' >x.c; echo 'long a;' >y.c; ln -s x.c a.c; }
row_source_symlink_changed() { $cc -c a.c; }
change_source_symlink_changed() { rm a.c; ln -s y.c a.c; }
setup_source_pragmas() { printf '#pragma GCC optimize ("O3")\n#pragma GCC warning "w"\n_Pragma("GCC poison x")\nint a;\n' >a.c; }
row_source_pragmas() { $cc -c a.c; }
setup_source_long_message() { printf 'int f(void) { int %0300d_; }\n' 1 | sed 's/int 0/int a/' >a.c; }
row_source_long_message() { $cc -Wall -c a.c; }
setup_source_macro_message() { header 1; printf '#include "n.h"\n#define D(x) int x = N; return x == x\nint f(void) { D(y); }\n' >a.c; }
row_source_macro_message() { $cc -Wall -Wextra -c a.c; }
change_source_macro_message() { printf '/* moved */\n#define N 1\n' >n.h; }
row_source_directives_only() { header 1; uses; $cc -E -fdirectives-only a.c -o b.i && $cc -fdirectives-only -fpreprocessed -c b.i; }
row_source_assembler_output() { $cc -S a.c && $cc -c a.s; }
row_source_template() { printf '#include <vector>\nstd::vector<int> v(%s);\n' "${n:-1}" >a.cpp; $cxx -O2 -c a.cpp; }
change_source_template() { n=2; }

# Precompiled headers.
setup_pch_beside() { header 1 p.h; touch -d @1321009871 p.h; uses p.h; plainly "$cc" -x c-header p.h -o p.h.gch; }
row_pch_beside() { $cc -c a.c; rm p.h.gch; }
setup_gcc_pch_stale() { setup_pch_beside; header 2 p.h; }
row_gcc_pch_stale() { $cc -c a.c; rm p.h.gch; }
change_gcc_pch_stale() { rm p.h.gch; plainly "$cc" -x c-header p.h -o p.h.gch; }
setup_gcc_pch_directory() { setup_pch_beside; mkdir d; mv p.h.gch d; mkdir p.h.gch; mv d/p.h.gch p.h.gch/c; }
row_gcc_pch_directory() { $cc -include p.h -c a.c; rm -r p.h.gch; }
setup_gcc_pch_unfit() { setup_pch_beside; }
row_gcc_pch_unfit() { $cc -O2 -Winvalid-pch -include p.h -c a.c; rm p.h.gch; }
setup_pch_searched() { mkdir a b; header 1 b/p.h; header 2; echo 'int n = N;' >a.c; plainly "$cc" -x c-header n.h -o a/p.h.gch; }
row_pch_searched() { $cc -Ia -Ib -include p.h -c a.c; rm a/p.h.gch; }
setup_pch_header_gone() { setup_pch_beside; rm p.h; }
row_pch_header_gone() { $cc -include p.h -c a.c; s=$?; rm -f p.h.gch; return $s; }
row_pch_and_object() { : >e.c; plainly "$cc" -c e.c -o e.o && $cc -x c-header -c e.c -o e.gch && test -s e.gch; rm -f e.gch; }
setup_gcc_pch_made_and_found() { header 1 p.h; uses p.h; }
row_gcc_pch_made_and_found() { $cc p.h && $cc -H -c a.c 2>&1; rm -f p.h.gch; }
