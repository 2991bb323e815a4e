# Rows of constructs.tsv: files beside the object, and outputs of every kind.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # sourced by rows.sh

# Files beside the object.
row_side_save_temps() { $cc --save-temps -c a.c; }
row_side_save_temps_obj() { mkdir d && $cc -save-temps=obj -c a.c -o d/a.o; }
row_gcc_side_dumps() { $cc -da -c a.c; }
row_gcc_side_tree_dumps() { $cc -O2 -fdump-tree-optimized -c a.c; }
row_gcc_side_tree_dump_named() { $cc -O2 -fdump-tree-optimized=named.txt -c a.c; }
row_gcc_side_dump_base() { $cc -dumpbase b -fstack-usage -c a.c; }
row_gcc_side_listing() { $cc -Wa,-L,-adhln=a.lst -c a.c; }
row_gcc_side_listing_assembler() { $cc -Xassembler -adhln=a.lst -c a.c; }
row_gcc_side_as_dependencies() { $cc -pipe -Wa,--MD,as.dep -c a.c; }
row_side_long_dependencies() { $cc --write-user-dependencies -c a.c -o b.o; }
row_side_long_all_dependencies() { $cc --write-dependencies -c a.c -o b.o; }
setup_gcc_side_sarif() { setup_warnings; }
row_gcc_side_sarif() { $cc -Wall -fdiagnostics-set-output=sarif:file=a.sarif -c a.c 2>&1; test -e a.sarif && rm a.sarif; }
setup_gcc_side_sarif_added() { setup_warnings; }
row_gcc_side_sarif_added() { $cc -Wall -fdiagnostics-add-output=sarif:file=a.sarif -c a.c; test -e a.sarif && rm a.sarif; }
setup_gcc_side_sarif_format() { setup_warnings; }
row_gcc_side_sarif_format() { $cc -Wall -fdiagnostics-format=sarif-file -c a.c; test -e a.c.sarif && rm a.c.sarif; }
setup_gcc_json() { setup_warnings; }
row_gcc_json() { $cc -Wall -fdiagnostics-format=sarif-stderr -c a.c 2>/dev/null; }
row_gcc_side_calls() { $cc -fcallgraph-info -c a.c; }
row_gcc_side_aux() { $cc -aux-info a.X -c a.c; }
row_gcc_side_optimised() { $cc -O2 -fopt-info-all=a.opt -c a.c; }
row_gcc_side_record() { $cc -O2 -fsave-optimization-record -c a.c; test -e a.c.opt-record.json.gz && rm a.c.opt-record.json.gz; }
row_gcc_side_go() { $cc -fdump-go-spec=a.go -c a.c; }
row_gcc_side_passes() { $cc -fdump-passes -c a.c; }
row_gcc_side_time() { $cc -time=a.time -c a.c; rm a.time; }
row_side_sunpro() { SUNPRO_DEPENDENCIES='d.d a.o' $cc -c a.c; }
row_side_preprocessor_dependencies() { $cc -Wp,-MD,a.d -c a.c; }
row_side_preprocessor_dependencies_user() { mkdir d && $cc -Wp,-MMD,d/.a.o.d -c a.c -o d/a.o; }
row_side_preprocessor_dependencies_target() { $cc -Wp,-MT,foo -Wp,-MD,a.d -c a.c; }
row_side_dependencies_preprocessor_apart() { $cc -Xpreprocessor -MD -Xpreprocessor a.d -c a.c; }
row_side_coverage_subdirectory() { mkdir d && $cc --coverage -frandom-seed=a -c a.c -o d/x.o; }
row_side_test_coverage() { $cc -ftest-coverage -frandom-seed=a -c a.c; }
row_side_profile_directory() { $cc -fprofile-arcs -fprofile-dir="$PWD/d" -frandom-seed=a -c a.c; }
row_side_split_dwarf_subdirectory() { mkdir d && $cc -g -gsplit-dwarf -c a.c -o d/x.o; }
row_side_split_dwarf_dots() { $cc -g -gsplit-dwarf -c a.c -o x.y.z; }
row_clang_side_trace() { $cc -ftime-trace -c a.c; rm a.json; }
row_clang_side_database() { $cc -MJ a.json -c a.c; }
row_clang_side_diagnostics() { $cc --serialize-diagnostics a.dia -c a.c; }
row_clang_side_record() { $cc -O2 -fsave-optimization-record -c a.c; }
row_clang_side_record_named() { $cc -O2 -fsave-optimization-record -foptimization-record-file=r.yaml -c a.c; }
row_clang_side_crash() { $cc -gen-reproducer=off -c a.c; }
row_clang_side_log() { CC_LOG_DIAGNOSTICS=1 CC_LOG_DIAGNOSTICS_FILE=log $cc -Wall -c a.c; rm -f log; }
row_clang_side_override() { CCC_OVERRIDE_OPTIONS="#+-DF=${n:-1}" $cc -c a.c; }
row_clang_side_frontend_dependencies() { $cc -Xclang -dependency-file -Xclang a.d -Xclang -MT -Xclang a.o -c a.c; }
row_clang_side_frontend_dump() { $cc -Xclang -ast-dump -fsyntax-only a.c | grep -c FunctionDecl; }

# -c with another option that decides what is done; an object of an earlier compile must stay.
old() { one; echo old >a.o; }
setup_stage_syntax() { old; }
row_stage_syntax() { $cc -fsyntax-only -c a.c; }
setup_stage_dependencies() { old; }
row_stage_dependencies() { $cc -MM -c a.c; }
row_stage_dependencies_all() { $cc -M -c a.c >deps && grep -c a.c deps; }
row_stage_dependencies_file() { $cc -MM -MF a.d -c a.c; }
setup_stage_preprocess() { old; }
row_stage_preprocess() { $cc -E -c a.c; }
row_stage_preprocess_output() { $cc -E a.c -o a.i; }
setup_stage_assembler() { old; }
row_stage_assembler() { $cc -S -c a.c; }
row_stage_assembler_output() { $cc -S a.c -o d.s; }
row_stage_assembler_stdout() { $cc -S a.c -o -; }
row_stage_macros() { $cc -dM -E a.c; }
row_stage_directives() { $cc -E -fdirectives-only a.c; }
setup_stage_show() { old; }
row_stage_show() { $cc '-###' -c a.c 2>&1 | sed 's#/tmp/[^" ]*#TMP#g'; }
setup_stage_help() { old; }
row_stage_help() { $cc --version -c a.c; }
row_stage_verbose() { $cc -v -c a.c 2>&1 | sed 's#/tmp/[^" ]*#TMP#g'; }
row_stage_headers() { $cc -H -c a.c; }
setup_stage_headers_included() { setup_depfile; }
row_stage_headers_included() { $cc -H -c a.c; }
row_stage_object_stdout() { $cc -c a.c -o - | sha256sum; }
row_stage_version() { $cc --version; }
row_stage_nothing() { $cc; }
row_stage_no_input() { $cc -c; }
row_stage_print() { $cc -print-file-name=crt1.o && $cc -dumpversion && $cc -dumpmachine; }
row_stage_search() { $cc -print-search-dirs; }
row_stage_predefined() { $cc -dM -E -x c /dev/null; }

# Where the output goes.
row_output_directory_missing() { $cc -c a.c -o none/a.o; }
row_output_dependencies_missing() { $cc -MD -MF gone/a.d -c a.c; }
row_output_is_directory() { mkdir d && $cc -c a.c -o d; }
row_output_of_two() { one b.c && $cc -c a.c b.c -o c.o; }
row_output_absolute_below() { $cc -c a.c -o "$PWD/b.o"; }
row_output_above() { mkdir d && cd d && $cc -c ../a.c -o ../b.o; }
row_output_here_and_back() { mkdir d && $cc -c a.c -o d/../b.o; }
row_output_null() { $cc -c a.c -o /dev/null; }
row_output_is_source() { $cc -c a.c -o a.c; }
row_output_is_dependencies() { $cc -MD -MF a.o -c a.c -o a.o 2>/dev/null; }
row_output_twice() { $cc -c a.c -o b.o -o c.o; }
row_output_no_suffix() { $cc -c a.c -o object; }
row_output_joined() { $cc -ob.o -c a.c; }
row_output_long() { $cc --output=b.o -c a.c; }
row_output_dots() { mkdir -p ./d && $cc -c ././a.c -o ./d//b.o; }
existing() { old; chmod "$1" a.o; }
setup_output_mode_600() { existing 600; }
row_output_mode_600() { $cc -c a.c; }
setup_output_mode_664() { existing 664; }
row_output_mode_664() { $cc -c a.c; }
setup_output_mode_444() { existing 444; }
row_output_mode_444() { $cc -c a.c; }
setup_output_mode_755() { existing 755; }
row_output_mode_755() { $cc -c a.c; }
setup_output_over_old() { old; }
row_output_over_old() { $cc -c a.c; }
setup_output_link() { one; echo old >b.o; ln -s b.o a.o; }
row_output_link() { $cc -c a.c; }
setup_output_link_dangling() { one; ln -s b.o a.o; }
row_output_link_dangling() { $cc -c a.c; }
setup_output_hard_link() { old; ln a.o b.o; }
row_output_hard_link() { $cc -c a.c; }
# An assembler writes into an empty file, and makes any other anew.
setup_output_empty_hard_link() { one; : >a.o; ln a.o b.o; }
row_output_empty_hard_link() { $cc -c a.c; }
setup_output_dependencies_link() { one; echo old >b.d; ln -s b.d a.d; }
row_output_dependencies_link() { $cc -MD -c a.c; }
setup_output_directory_link() { one; mkdir d; ln -s d e; }
row_output_directory_link() { $cc -c a.c -o e/a.o; }
row_output_umask_077() { umask 077; $cc -MD -c a.c; }
row_output_umask_027() { umask 027; $cc -c a.c; }
row_output_umask_changed() { umask "${mask:-022}"; $cc -c a.c; }
change_output_umask_changed() { mask=077; }
row_output_failing_over_old() { echo old >a.o; echo nonsense >a.c; $cc -c a.c; }
row_output_at() { $cc -c a.c -o @x.o; }
row_output_at_missing() { $cc -c a.c @none; }
row_output_at_directory() { mkdir d && $cc -c a.c @d; }
row_output_at_unreadable() { echo -O2 >x; chmod 0 x; $cc -c a.c @x; }
setup_output_at_source() { echo '-DN=1 -c a.c' >@a.c; one; }
row_output_at_source() { $cc ./@a.c -x c -c -o b.o; }
row_output_read_only_directory() { mkdir d && cp a.c d && cd d && chmod 555 . && $cc -c a.c; s=$?; chmod 755 .; return $s; }
