# Rows of constructs.tsv: what a result depends on although no content says so.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # sourced by rows.sh

# Times of files.
once() {
    mkdir a b
    printf '#pragma once\n#ifdef S\nint second;\n#endif\n#define S\n' >a/s.h
    cp a/s.h b/s.h
    printf '#include "a/s.h"\n#include "b/s.h"\n' >a.c
    touch -d @1000000 a/s.h
    touch -d "@$1" b/s.h
}
setup_once_apart() { once 2000000; }
row_once_apart() { $cc -c a.c; }
change_once_apart() { touch -d @1000000 b/s.h; }
setup_once_alike() { once 1000000; }
row_once_alike() { $cc -c a.c; }
change_once_alike() { touch -d @2000000 b/s.h; }
setup_import_apart() { once 2000000; sed -i 1d a/s.h b/s.h; touch -d @1 a/s.h; touch -d @2 b/s.h; sed -i s/include/import/ a.c; }
row_import_apart() { $cc -Wno-deprecated -c a.c; }
change_import_apart() { touch -d @1 b/s.h; }
# Three of three times, then the outer two alike.
setup_once_three() { once 2000000; mkdir c; cp a/s.h c/s.h; touch -d @3000000 c/s.h; echo '#include "c/s.h"' >>a.c; }
row_once_three() { $cc -c a.c; }
change_once_three() { touch -d @1000000 c/s.h; }
# clang looks at the file, not at its time.
setup_once_two_names() { once 1000000; ln -f a/s.h b/s.h; }
row_once_two_names() { $cc -c a.c; }
change_once_two_names() { cp -p a/s.h s.h; mv -f s.h b/s.h; }
setup_once_link() { once 1000000; ln -sf ../a/s.h b/s.h; }
row_once_link() { $cc -c a.c; }
change_once_link() { rm b/s.h; cp -p a/s.h b/s.h; }
setup_once_two_files() { once 1000000; }
row_once_two_files() { $cc -c a.c; }
change_once_two_files() { ln -f a/s.h b/s.h; }
# Not equal: times do not matter.
setup_once_unlike() { once 1000000; echo 'int b;' >>b/s.h; }
row_once_unlike() { $cc -c a.c; }
change_once_unlike() { touch -d @3000000 b/s.h; }
stamp() { echo "$1" >a.c; touch -d @1000000 a.c; }
setup_timestamp() { stamp 'const char *t = __TIMESTAMP__;'; }
row_timestamp() { $cc -c a.c; }
change_timestamp() { touch -d @2000000 a.c; }
setup_timestamp_pasted() { stamp '#define P(a, b) a##b
const char *t = P(__TIME, STAMP__);'; }
row_timestamp_pasted() { $cc -c a.c; }
change_timestamp_pasted() { touch -d @2000000 a.c; }
setup_timestamp_pasted_apart() { stamp '#include "p.h"
const char *t = P(__TIME, STAMP__);'; echo '#define P(a, b) a%:%:b' >p.h; }
row_timestamp_pasted_apart() { $cc -c a.c; }
change_timestamp_pasted_apart() { touch -d @2000000 a.c; }
setup_timestamp_in_header() { stamp '#include "t.h"'; echo 'const char *t = __TIMESTAMP__;' >t.h; touch -d @1000000 t.h; }
row_timestamp_in_header() { $cc -c a.c; }
change_timestamp_in_header() { touch -d @2000000 a.c; }
setup_timestamp_defined() { stamp 'int f(int x) { return x; }'; }
row_timestamp_defined() { $cc -Df=__TIMESTAMP__ -E -P a.c -o a.i; $cc '-Dreturn=return(int)(long)__TIMESTAMP__+' -w -c a.c; }
setup_timestamp_unused() { stamp '/* __TIMESTAMP__ */ int a;'; }
row_timestamp_unused() { $cc -c a.c; }
change_timestamp_unused() { touch -d @2000000 a.c; }
setup_touched() { one; touch -d @1000000 a.c; }
row_touched() { $cc -MD -g -c a.c; }
change_touched() { touch -d @2000000 a.c; }
setup_dependency_pragma() { echo '#pragma GCC dependency "gram.y"
int a;' >a.c; : >gram.y; touch -d @1000000 a.c gram.y; }
row_dependency_pragma() { $cc -c a.c; }
change_dependency_pragma() { touch -d @2000000 gram.y; }
setup_future() { one; touch -d @4000000000 a.c; }
row_future() { $cc -MD -c a.c; }

# The name of the directory.
setup_directory_link() { mkdir real; ln -s real link; one real/a.c; }
row_directory_link() { cd "${d:-link}" && $cc -g -c a.c; }
change_directory_link() { d=real; }
setup_directory_link_back() { setup_directory_link; }
row_directory_link_back() { cd "${d:-real}" && $cc -g -c a.c; }
change_directory_link_back() { d='link'; }
row_directory_unset() { env -u PWD "$cc" -g -c a.c; }
row_directory_wrong() { PWD=/nonsense $cc -g -c a.c; }
row_directory_dots() { PWD=$PWD/../directory_dots $cc -g -c a.c; }
# Messages: colours, links.
setup_colours() { setup_warnings; }
row_colours() { $cc -Wall -fdiagnostics-color=always -c a.c; }
setup_gcc_colours_variable() { setup_warnings; }
row_gcc_colours_variable() { GCC_COLORS=${colours:-warning=01} $cc -Wall -fdiagnostics-color=always -c a.c; }
change_gcc_colours_variable() { colours=warning=02; }
setup_gcc_colours_quiet() { setup_warnings; }
row_gcc_colours_quiet() { GCC_COLORS=warning=01 $cc -Wall -c a.c; }
setup_gcc_urls() { setup_warnings; }
row_gcc_urls() { GCC_URLS=${urls:-st} $cc -Wall -fdiagnostics-urls=always -c a.c; }
change_gcc_urls() { urls=bel; }
setup_gcc_fixits() { setup_warnings; }
row_gcc_fixits() { GCC_EXTRA_DIAGNOSTIC_OUTPUT=${fixits:-fixits-v1} $cc -Wall -Wextra -c a.c; }
change_gcc_fixits() { fixits=; }
setup_terminal_name() { setup_warnings; }
row_terminal_name() { TERM=${terminal:-xterm} COLUMNS=40 $cc -Wall -c a.c; }
change_terminal_name() { terminal=dumb; }
setup_time_zone() { setup_date; }
row_time_zone() { TZ=${zone:-UTC} $cc -c a.c; }
change_time_zone() { zone=Asia/Tokyo; }
setup_date_wrong() { setup_date; }
row_date_wrong() { SOURCE_DATE_EPOCH=yesterday $cc -c a.c; }
row_gcc_compare_debug() { GCC_COMPARE_DEBUG=-g $cc -frandom-seed=a -c a.c; }
row_language_variable() { LANG=${l:-C} LANGUAGE=de LC_MESSAGES=C $cc -Wall -c a.c; }
change_language_variable() { l=C.UTF-8; }
setup_library_path() { one; mkdir d; }
row_library_path() { LIBRARY_PATH=$PWD/d $cc -c a.c; }
setup_cpath_empty() { mkdir d; header 1; echo '#include <n.h>
int n = N;' >d/a.c; }
row_cpath_empty() { CPATH=: $cc -c d/a.c; }
change_cpath_empty() { header 2; }
setup_cpath_relative() { mkdir d; header 1 d/n.h; echo '#include <n.h>
int n = N;' >a.c; }
row_cpath_relative() { CPATH=none:d $cc -c a.c; }
change_cpath_relative() { mkdir none; header 2 none/n.h; }
setup_objc_path() { setup_cpath_relative; }
row_objc_path() { C_INCLUDE_PATH=d OBJC_INCLUDE_PATH=x $cc -c a.c; }

# Messages that show a line of a file which the compile does not read otherwise.
gram() { printf 'one\ntwo\n%s\n' "$1" >gram.y; }
setup_line_absent() { printf '#line 3 "gram.y"\nint f(void) { int unused; return 0; }\n' >a.c; }
row_line_absent() { $cc -Wall -c a.c; }
change_line_absent() { gram three; }
setup_line_present() { setup_line_absent; gram three; }
row_line_present() { $cc -Wall -c a.c; }
change_line_present() { gram drei; }
setup_line_gone() { setup_line_present; }
row_line_gone() { $cc -Wall -c a.c; }
change_line_gone() { rm gram.y; }
setup_line_quiet() { printf '#line 3 "gram.y"\nint f(void) { return 0; }\n' >a.c; gram three; }
row_line_quiet() { $cc -Wall -g -c a.c; }
change_line_quiet() { gram drei; }
setup_line_marker() { printf '# 3 "gram.y"\nint f(void) { int unused; return 0; }\n' >a.c; gram three; }
row_line_marker() { $cc -Wall -c a.c; }
change_line_marker() { gram drei; }
setup_line_in_header() { setup_line_present; mv a.c a.h; echo '#include "a.h"' >a.c; }
row_line_in_header() { $cc -Wall -c a.c; }
change_line_in_header() { gram drei; }
setup_line_no_caret() { setup_line_present; }
row_line_no_caret() { $cc -Wall -fno-diagnostics-show-caret -c a.c; }
change_line_no_caret() { gram drei; }
setup_line_failing() { printf '#line 3 "gram.y"\nint f(void) { return nonsense; }\n' >a.c; gram three; }
row_line_failing() { $cc -c a.c; }
setup_line_of_header() { header 1; printf '#include "n.h"\n#line 1 "n.h"\nint f(void) { int unused; return 0; }\n' >a.c; }
row_line_of_header() { $cc -Wall -c a.c; }
change_line_of_header() { header 2; }
setup_line_directory() { printf '#line 1 "."\nint f(void) { int unused; return 0; }\n' >a.c; }
row_line_directory() { $cc -Wall -c a.c; }
setup_preprocessed() { printf '# 1 "a.c"\n# 3 "gram.y"\nint f(void) { int unused; return 0; }\n' >a.i; gram three; }
row_preprocessed() { $cc -Wall -c a.i; }
change_preprocessed() { gram drei; }
setup_preprocessed_cxx() { printf '# 1 "a.cpp"\nint f() { return 0; }\n' >a.ii; }
row_preprocessed_cxx() { $cxx -Wall -c a.ii; }
change_preprocessed_cxx() { printf '# 1 "a.cpp"\nint f() { return 1; }\n' >a.ii; }
setup_missing_directory_warning() { one; }
row_missing_directory_warning() { $cc -Wmissing-include-dirs -Inone -c a.c; }
change_missing_directory_warning() { mkdir none; }
