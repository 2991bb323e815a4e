# What the wrapper is expected to do with command lines: rows of COMMAND and PLAN, run by test_plan.py.
# SPDX-License-Identifier: Apache-2.0
"""A plan is 'compile SOURCES -> OUTPUTS', 'link' or 'alone REASON DETAIL'.

Commands are split as sh splits them. The working directory has no file but those of RESPONSE_FILES.
"""

from __future__ import annotations

COMPILES = """
gcc -c a.c                              | compile a.c -> a.o
cc -c a.c -o a.o                        | compile a.c -> a.o
g++ -c a.cc -oa.o                       | compile a.cc -> a.o
/usr/bin/gcc -c a.c                     | compile a.c -> a.o
x86_64-linux-gnu-gcc-16 -c a.c          | compile a.c -> a.o
clang -c a.c                            | compile a.c -> a.o
clang++-21 -c a.cpp                     | compile a.cpp -> a.o
gcc a.c -c                              | compile a.c -> a.o
gcc -c ../d/a.c                         | compile ../d/a.c -> a.o
gcc -c /b/d/a.c                         | compile /b/d/a.c -> a.o
gcc -c ./a.c                            | compile ./a.c -> a.o
gcc -c a.b.c                            | compile a.b.c -> a.b.o
gcc -c .a.c                             | compile .a.c -> .a.o
gcc -c d.e/a.c                          | compile d.e/a.c -> a.o
gcc -c 'a b.c'                          | compile 'a b.c' -> 'a b.o'
gcc -c "a'b.c"                          | compile "a'b.c" -> "a'b.o"
gcc -c 'a*.c'                           | compile 'a*.c' -> 'a*.o'
gcc -c a,b.c                            | compile a,b.c -> a,b.o
gcc -c a=b.c                            | compile a=b.c -> a=b.o
gcc -c caf\u00e9.c                           | compile caf\u00e9.c -> caf\u00e9.o
gcc -c \U0001f600.c                           | compile \U0001f600.c -> \U0001f600.o
gcc -c a.c b.c                          | compile a.c b.c -> a.o b.o
gcc -c a.c d/b.c e.cc                   | compile a.c d/b.c e.cc -> a.o b.o e.o
gcc -c a.c -o out/foo.o                 | compile a.c -> out/foo.o
gcc -c a.c -o foo                       | compile a.c -> foo
gcc -c a.c -o ../foo.x.o                | compile a.c -> ../foo.x.o
gcc -c a.c -o .foo                      | compile a.c -> .foo
gcc --output=a.o -c a.c                 | compile a.c -> a.o
gcc --output a.o -c a.c                 | compile a.c -> a.o
gcc -S a.c                              | compile a.c -> a.s
gcc -S d/a.c                            | compile d/a.c -> a.s
gcc -S a.c -o x.s                       | compile a.c -> x.s
gcc -S a.c b.c                          | compile a.c b.c -> a.s b.s
gcc -S -c a.c                           | compile a.c -> a.s
gcc -c -S a.c                           | compile a.c -> a.s
clang -c -S a.c                         | compile a.c -> a.s
gcc -S a.i                              | compile a.i -> a.s
"""

SUFFIXES = """
gcc -c a.C                              | compile a.C -> a.o
gcc -c a.cc                             | compile a.cc -> a.o
gcc -c a.cp                             | compile a.cp -> a.o
gcc -c a.cxx                            | compile a.cxx -> a.o
gcc -c a.cpp                            | compile a.cpp -> a.o
gcc -c a.CPP                            | compile a.CPP -> a.o
gcc -c a.c++                            | compile a.c++ -> a.o
gcc -c a.i                              | compile a.i -> a.o
gcc -c a.ii                             | compile a.ii -> a.o
gcc -c a.s                              | compile a.s -> a.o
gcc -c a.S                              | compile a.S -> a.o
gcc -c a                                | alone unknown-file a
gcc -c a.f90                            | alone unknown-file a.f90
gcc -c a.m                              | alone unknown-file a.m
gcc -c a.mm                             | alone unknown-file a.mm
gcc -c a.go                             | alone unknown-file a.go
gcc -c a.adb                            | alone unknown-file a.adb
gcc -c a.sx                             | alone unknown-file a.sx
gcc -c a.txt                            | alone unknown-file a.txt
gcc -c a.c.                             | alone unknown-file a.c.
gcc -c a.cu                             | alone unknown-file a.cu
gcc -c a.cppm                           | alone unknown-file a.cppm
clang -c a.bc                           | alone unknown-file a.bc
clang -c a.ll                           | alone unknown-file a.ll
gcc -c d.c/a                            | alone unknown-file d.c/a
gcc -c d/                               | alone unknown-file d/
gcc -c ''                               | alone unknown-file ''
gcc -c a.c ''                           | alone unknown-file ''
gcc -c a.h                              | alone not-supported a.h
gcc -c a.hpp                            | alone not-supported a.hpp
gcc -c a.hh                             | alone not-supported a.hh
gcc -c a.H                              | alone not-supported a.H
gcc -c a.hxx                            | alone not-supported a.hxx
gcc -c a.tcc                            | alone not-supported a.tcc
gcc a.h -o a.h.gch                      | alone no-compile -
gcc -c a.h -o a.h.gch                   | alone not-supported a.h
gcc -c .c                               | alone unknown-file .c
gcc -c d/.c                             | alone unknown-file d/.c
gcc -x c -c .c                          | compile .c -> .c.o
"""

LANGUAGES = """
gcc -x c -c a                           | compile a -> a.o
gcc -xc -c a                            | compile a -> a.o
gcc -x c++ -c a                         | compile a -> a.o
gcc -xc++ -c a.h                        | compile a.h -> a.o
gcc -x c -c a.                          | compile a. -> a.o
gcc -x c -c b.so                        | compile b.so -> b.o
gcc -x assembler -c a                   | compile a -> a.o
gcc -x assembler-with-cpp -c a.s        | compile a.s -> a.o
gcc -x cpp-output -c a.c                | compile a.c -> a.o
gcc -x c++-cpp-output -c a.c            | compile a.c -> a.o
gcc -x c -c a -x none b.c               | compile a b.c -> a.o b.o
gcc -x c -c a -xnone b.c                | compile a b.c -> a.o b.o
gcc -x c -c a -x none b                 | alone unknown-file b
gcc -x c -x none -c a                   | alone unknown-file a
gcc -c a -x c                           | alone unknown-file a
gcc -c a.c -x none b.o                  | alone no-compile -
gcc -x c-header -c a.h                  | alone not-supported a.h
gcc -x c++-header -c a                  | alone not-supported a
gcc -x c++-system-header -c a           | alone not-supported a
gcc -x f95 -c a                         | alone unknown-file a
gcc -x objective-c -c a.c               | alone unknown-file a.c
gcc -x go -c a.c                        | alone unknown-file a.c
clang -x cuda -c a.c                    | alone unknown-file a.c
clang -x ir -c a.c                      | alone unknown-file a.c
gcc -x '' -c a.c                        | alone unknown-file a.c
gcc -x 'c ' -c a.c                      | alone unknown-file a.c
gcc -x C -c a.c                         | alone unknown-file a.c
gcc --language=c -c a                   | alone unknown-option --language=c
gcc --language c -c a                   | alone unknown-option --language
"""

DEPENDENCIES = """
gcc -MD -c a.c                          | compile a.c -> a.o a.d
gcc -MMD -c a.c                         | compile a.c -> a.o a.d
gcc -MD -c d/a.c                        | compile d/a.c -> a.o a.d
gcc -MD -c a.c -o out/foo.o             | compile a.c -> out/foo.o out/foo.d
gcc -MD -c a.c -o foo                   | compile a.c -> foo foo.d
gcc -MD -c a.c -o foo.                  | compile a.c -> foo. foo.d
gcc -MD -c a.c -o foo.c.o               | compile a.c -> foo.c.o foo.c.d
gcc -MD -c a.c -o d.e/foo               | compile a.c -> d.e/foo d.e/foo.d
gcc -MD -c a.c b.c                      | compile a.c b.c -> a.o b.o a.d b.d
gcc -MD -S a.c                          | compile a.c -> a.s a.d
gcc -MD -S a.c -o x.s                   | compile a.c -> x.s x.d
gcc -MD -MF x.d -c a.c                  | compile a.c -> a.o x.d
gcc -MD -MFx.d -c a.c                   | compile a.c -> a.o x.d
gcc -MF out/x.d -MMD -c a.c -o b.o      | compile a.c -> b.o out/x.d
gcc -MD -MP -MT t -MQ 'u v' -c a.c      | compile a.c -> a.o a.d
gcc -MD -MTt -MQu -c a.c                | compile a.c -> a.o a.d
gcc -MD -MT a.c -c b.c                  | compile b.c -> b.o b.d
gcc -MF a.d -c a.c                      | alone other-output -MF
gcc -MD -MF x.d -c a.c b.c              | alone other-output -MF
gcc -MG -MD -c a.c                      | alone unknown-option -MG
gcc --write-dependencies -c a.c         | alone unknown-option --write-dependencies
gcc -MJ x -c a.c                        | alone other-output -MJ
gcc -M a.c                              | alone no-compile -
gcc -MM -c a.c                          | alone no-compile -
gcc -M -MF x.d -c a.c                   | alone no-compile -
gcc -Wp,-MD,x.d -c a.c                  | compile a.c -> a.o x.d
gcc -Wp,-MMD,d/.x.d -c a.c -o d/x.o     | compile a.c -> d/x.o d/.x.d
gcc -Wp,-MD,x.d -MT t -MP -c a.c        | compile a.c -> a.o x.d
gcc -MD -Wp,-MD,x.d -c a.c              | compile a.c -> a.o x.d
gcc -Wp,-MD,x.d -MD -c a.c              | compile a.c -> a.o x.d
gcc -Wp,-MD,x.d -c a.c b.c              | alone other-output -MF
gcc -Wp,-MD -c a.c                      | alone unknown-option -Wp,-MD
gcc -Wp,-MD, -c a.c                     | alone unknown-option -Wp,-MD,
gcc -Wp,-MD,x,y -c a.c                  | alone unknown-option -Wp,-MD,x,y
gcc -Wp,-MD,x,-MT,y -c a.c              | alone unknown-option -Wp,-MD,x,-MT,y
gcc -Wp,-MF,x -c a.c                    | alone unknown-option -Wp,-MF,x
gcc -Wp,-MP -c a.c                      | alone unknown-option -Wp,-MP
clang -MD -c a.c -o out/x.o             | compile a.c -> out/x.o out/x.d
clang -MD -MF y -c a.c                  | compile a.c -> a.o y
clang -Wp,-MD,x.d -c a.c                | alone other-output -Wp,-MD
"""

BESIDE = """
gcc --coverage -c a.c                   | compile a.c -> a.o a.gcno
gcc -coverage -c a.c                    | compile a.c -> a.o a.gcno
gcc -ftest-coverage -c a.c -o x/b.o     | compile a.c -> x/b.o x/b.gcno
gcc -fprofile-arcs -ftest-coverage -c d/a.c | compile d/a.c -> a.o a.gcno
gcc -fprofile-arcs -c a.c               | compile a.c -> a.o
gcc --coverage -c a.c b.c               | compile a.c b.c -> a.o b.o a.gcno b.gcno
gcc --coverage -S a.c -o x.s            | compile a.c -> x.s x.gcno
gcc --coverage -c a.i                   | compile a.i -> a.o a.gcno
gcc --coverage -MD -c a.c -o foo        | compile a.c -> foo foo.d foo.gcno
gcc -fno-test-coverage -c a.c           | alone unknown-option -fno-test-coverage
clang --coverage -c a.c -o x/b.o        | compile a.c -> x/b.o x/b.gcno
gcc -gsplit-dwarf -c a.c                | compile a.c -> a.o a.dwo
gcc -g -gsplit-dwarf -c a.c -o x/b.o    | compile a.c -> x/b.o x/b.dwo
gcc -gsplit-dwarf -g0 -c a.c            | compile a.c -> a.o a.dwo
gcc -gsplit-dwarf -c a.c b.c            | compile a.c b.c -> a.o b.o a.dwo b.dwo
gcc -gsplit-dwarf -c a.s                | compile a.s -> a.o a.dwo
gcc -gsplit-dwarf -MMD --coverage -c a.c | compile a.c -> a.o a.d a.gcno a.dwo
gcc -gsplit-dwarf -S a.c                | alone other-output -gsplit-dwarf
gcc -gsplit-dwarf=split -c a.c          | alone unknown-option -gsplit-dwarf=split
gcc -gno-split-dwarf -c a.c             | alone unknown-option -gno-split-dwarf
clang -g -gsplit-dwarf -c a.c -o x/b.o  | compile a.c -> x/b.o x/b.dwo
gcc -save-temps -c a.c                  | alone other-output -save-temps
gcc --save-temps=obj -c a.c             | alone other-output --save-temps=obj
gcc -da -c a.c                          | alone other-output -da
gcc -dD -c a.c                          | alone other-output -dD
gcc -fdump-tree-all -c a.c              | alone other-output -fdump-tree-all
gcc -fstack-usage -c a.c                | alone other-output -fstack-usage
gcc -fcallgraph-info -c a.c             | alone other-output -fcallgraph-info
gcc -fopt-info-vec=x -c a.c             | alone other-output -fopt-info-vec=x
gcc -fdiagnostics-format=sarif-file -c a.c | alone other-output -fdiagnostics-format=sarif-file
gcc -fdiagnostics-set-output=sarif:file=x -c a.c | alone other-output -fdiagnostics-set-output=sarif:file=x
gcc -aux-info x -c a.c                  | alone other-output -aux-info
gcc -dumpbase x -c a.c                  | alone other-output -dumpbase
gcc -dumpdir x/ -c a.c                  | alone other-output -dumpdir
gcc -fmodules-ts -c a.c                 | alone other-output -fmodules-ts
gcc -time=x -c a.c                      | alone other-output -time=x
clang -ftime-trace -c a.c               | alone other-output -ftime-trace
clang --serialize-diagnostics x -c a.c  | alone other-output --serialize-diagnostics
clang -emit-llvm -c a.c                 | alone other-output -emit-llvm
clang --analyze -c a.c                  | alone other-output --analyze
gcc -c a.c -o a.o -o b.o                | alone other-output -o
gcc -c a.c b.c -o x.o                   | alone other-output -o
gcc -S a.c b.c -o x.s                   | alone other-output -o
"""

PIECES = """
gcc -Wa,--noexecstack -c a.c            | compile a.c -> a.o
gcc -Wa,--noexecstack,-g -c a.s         | compile a.s -> a.o
gcc -Wa,-L -c a.c                       | compile a.c -> a.o
gcc -Wa,-Id -c a.S                      | compile a.S -> a.o
gcc -Wa,--defsym=x=1 -c a.S             | compile a.S -> a.o
gcc -Wa,-mtune=generic64,--fatal-warnings -c a.c | compile a.c -> a.o
gcc -Wa, -c a.c                         | compile a.c -> a.o
gcc -Wa,, -c a.c                        | alone unknown-option -Wa,,
gcc -Wa,@asargs -c a.c                  | alone unknown-option -Wa,@asargs
gcc -Wa,extra.s -c a.c                  | alone unknown-option -Wa,extra.s
gcc -Wa,-adhln=a.lst -c a.c             | alone unknown-option -Wa,-adhln=a.lst
gcc -Wa,-L,-adhln=a.lst -c a.c          | alone unknown-option -Wa,-L,-adhln=a.lst
gcc -Wa,-alh -c a.c                     | alone unknown-option -Wa,-alh
gcc -Wa,--MD,as.dep -c a.c              | alone unknown-option -Wa,--MD,as.dep
gcc -Wa,--MD=as.dep -c a.c              | alone unknown-option -Wa,--MD=as.dep
gcc -Wa,-o,x.o -c a.c                   | alone unknown-option -Wa,-o,x.o
gcc -Wa,--statistics -c a.c             | alone unknown-option -Wa,--statistics
gcc -Xassembler --noexecstack -c a.c    | compile a.c -> a.o
gcc -Xassembler -adhln=a.lst -c a.c     | alone unknown-option -adhln=a.lst
gcc -Xassembler @x -c a.c               | alone unknown-option @x
gcc -Xassembler a.c -c b.c              | alone unknown-option a.c
gcc -c a.c -Xassembler                  | alone unknown-option -Xassembler
gcc -Wp,-DA -c a.c                      | compile a.c -> a.o
gcc -Wp,-DA,-UB,-O2 -c a.c              | compile a.c -> a.o
gcc -Wp,-D_FORTIFY_SOURCE=2 -c a.c      | compile a.c -> a.o
gcc -Wp,-I,d -c a.c                     | alone unknown-option -Wp,-I,d
gcc -Wp,-include,x.h -c a.c             | alone unknown-option -Wp,-include,x.h
gcc -Wp,a,-DB -c a.c                    | alone unknown-option -Wp,a,-DB
gcc -Wp,-fno-zz,a -c a.c                | alone unknown-option -Wp,-fno-zz,a
gcc -Wp,-o,x -c a.c                     | alone unknown-option -Wp,-o,x
gcc -Xpreprocessor -DA -c a.c           | alone not-supported -Xpreprocessor
clang -Xclang -O2 -c a.c                | alone not-supported -Xclang
clang -mllvm -x -c a.c                  | alone not-supported -mllvm
gcc -Wl,--gc-sections -c a.c            | compile a.c -> a.o
"""

OPTIONS = """
gcc -O2 -g -Wall -Wno-unused -fPIC -pipe -pthread -std=gnu11 -c a.c | compile a.c -> a.o
gcc -D A -DB -DC=1 -U D -UE -I i -Ij -isystem k -iquote l -idirafter m -c a.c | compile a.c -> a.o
gcc -Wfuture-warning -Wno-future-warning -c a.c | compile a.c -> a.o
gcc -fno-strict-aliasing -mno-red-zone -c a.c | compile a.c -> a.o
gcc -frandom-seed=x -ffile-prefix-map=/a=/b -fdebug-prefix-map=/a=/b -c a.c | compile a.c -> a.o
gcc --param x=1 --param=y=2 -c a.c      | compile a.c -> a.o
gcc --sysroot /s --sysroot=/t -isysroot /u -c a.c | compile a.c -> a.o
gcc -include x.h -imacros y.h -c a.c    | compile a.c -> a.o
gcc -includex.h -c a.c                  | compile a.c -> a.o
gcc --include x.h -c a.c                | compile a.c -> a.o
gcc -flto -c a.c                        | compile a.c -> a.o
gcc -flto=auto -ffat-lto-objects -c a.c | compile a.c -> a.o
gcc -I -c -c a.c                        | compile a.c -> a.o
gcc -I -E -c a.c                        | compile a.c -> a.o
gcc -D -o -c a.c                        | compile a.c -> a.o
gcc -MP -MT t -c a.c                    | compile a.c -> a.o
gcc -c a.c -lm -L/x -Wl,-rpath,/y       | compile a.c -> a.o
gcc -march=x86-64-v3 -mtune=generic -c a.c | compile a.c -> a.o
gcc -march=native -c a.c                | alone machine -march=native
gcc -mtune=native -c a.c                | alone machine -mtune=native
gcc -mcpu=native -c a.c                 | alone machine -mcpu=native
gcc -fzz -c a.c                         | alone unknown-option -fzz
gcc -fno-zz -c a.c                      | alone unknown-option -fno-zz
gcc -mzz -c a.c                         | alone unknown-option -mzz
gcc -mno-zz -c a.c                      | alone unknown-option -mno-zz
gcc -fPICx -c a.c                       | alone unknown-option -fPICx
gcc -fpic=1 -c a.c                      | alone unknown-option -fpic=1
gcc -cx a.c                             | alone no-compile -
gcc -fno- -c a.c                        | alone unknown-option -fno-
gcc -f -c a.c                           | alone unknown-option -f
gcc -m -c a.c                           | alone unknown-option -m
gcc -zz -c a.c                          | alone unknown-option -zz
gcc --zz -c a.c                         | alone unknown-option --zz
gcc --zz=a -c a.c                       | alone unknown-option --zz=a
gcc -qversion -c a.c                    | alone unknown-option -qversion
gcc -c a.c -- b.c                       | alone unknown-option --
clang -c -- a.c                         | alone unknown-option --
gcc -- -c a.c                           | alone unknown-option --
gcc --- -c a.c                          | alone unknown-option ---
gcc -c a.c --param                      | alone unknown-option --param
gcc -c a.c -I                           | alone unknown-option -I
gcc -c a.c -include                     | alone unknown-option -include
gcc -c a.c -x                           | alone unknown-option -x
gcc -c a.c -MF                          | alone unknown-option -MF
gcc -c a.c -o                           | alone unknown-option -o
gcc -c a.c --output                     | alone unknown-option --output
gcc -c -o a.c                           | alone no-compile -
gcc -B x -c a.c                         | alone program -B
gcc -Bx/ -c a.c                         | alone program -Bx/
gcc -specs=x -c a.c                     | alone program -specs=x
gcc -wrapper x -c a.c                   | alone program -wrapper
gcc -fplugin=x.so -c a.c                | alone program -fplugin=x.so
gcc -fplugin-arg-x-y -c a.c             | alone program -fplugin-arg-x-y
gcc -no-integrated-cpp -c a.c           | alone program -no-integrated-cpp
clang -fno-integrated-as -c a.c         | alone program -fno-integrated-as
clang -fpass-plugin=x -c a.c            | alone program -fpass-plugin=x
clang -load x -c a.c                    | alone program -load
clang --gcc-toolchain=/x -c a.c         | alone program --gcc-toolchain=/x
clang --config=x -c a.c                 | alone not-supported --config=x
clang -working-directory d -c a.c       | alone not-supported -working-directory
clang -ivfsoverlay x -c a.c             | alone not-supported -ivfsoverlay
clang -include-pch x -c a.c             | alone not-supported -include-pch
clang -cc1 -c a.c                       | alone not-supported -cc1
gcc -fprofile-use -c a.c                | alone profile -fprofile-use
gcc -fprofile-use=a.gcda -c a.c         | alone profile -fprofile-use=a.gcda
gcc -fbranch-probabilities -c a.c       | alone profile -fbranch-probabilities
gcc -fauto-profile=x -c a.c             | alone profile -fauto-profile=x
clang -fprofile-instr-use=x -c a.c      | alone profile -fprofile-instr-use=x
gcc -fzz -mzz -B x -c a.c               | alone unknown-option -fzz
gcc -B x -fzz -c a.c                    | alone program -B
"""

PRINTS = """
gcc --version                           | alone no-compile -
gcc -v                                  | alone no-compile -
gcc -v -c a.c                           | alone no-compile -
gcc -V                                  | alone no-compile -
gcc -dumpversion                        | alone no-compile -
gcc -dumpmachine                        | alone no-compile -
gcc -dumpspecs                          | alone no-compile -
gcc -print-prog-name=ld                 | alone no-compile -
gcc --print-search-dirs                 | alone no-compile -
gcc -print-zz -c a.c                    | alone no-compile -
gcc --help                              | alone no-compile -
gcc --help=optimizers -c a.c            | alone no-compile -
gcc -### -c a.c                         | alone no-compile -
gcc -E a.c                              | alone no-compile -
gcc -E -c a.c -o a.i                    | alone no-compile -
gcc -E -                                | alone no-compile -
gcc -fsyntax-only -c a.c                | alone no-compile -
gcc -Q -c a.c                           | alone no-compile -
gcc -E -fzz a.c                         | alone no-compile -
gcc                                     | alone no-compile -
gcc a.c                                 | alone no-compile -
gcc a.c -o a                            | alone no-compile -
gcc a.c b.o -o a                        | alone no-compile -
gcc -c                                  | alone no-compile -
gcc -c a.o                              | alone no-compile -
gcc -c a.c b.o                          | alone no-compile -
gcc -c a.c libb.so                      | alone no-compile -
gcc -o a -lm                            | alone no-compile -
gcc a.o x.ld -o a                       | alone no-compile -
"""

INPUTS = """
gcc -c -x c -                           | alone standard-input -
gcc -c -                                | alone standard-input -
gcc -c -x c /dev/stdin -o a.o           | alone standard-input /dev/stdin
gcc -c -x c /dev/fd/0                   | alone standard-input /dev/fd/0
gcc -c -x c /dev/fd/63                  | alone standard-input /dev/fd/63
gcc -c -x c /proc/self/fd/0             | alone standard-input /proc/self/fd/0
gcc -c -x c /dev/null -o a.o            | alone special-file /dev/null
gcc -S -o /dev/null -xc /dev/null       | alone special-file /dev/null
gcc -c /dev/shm/a.c                     | alone special-file /dev/shm/a.c
gcc -c a.c -include /dev/stdin          | alone standard-input /dev/stdin
gcc -c a.c -include/dev/stdin           | alone standard-input /dev/stdin
gcc -c a.c -include -                   | alone standard-input -
gcc -c a.c -imacros /dev/fd/3           | alone standard-input /dev/fd/3
gcc -c a.c -imacros /dev/null           | alone special-file /dev/null
gcc -c a.c --include=/dev/stdin         | alone standard-input /dev/stdin
clang -c a.c -fsanitize-ignorelist=/dev/stdin | alone standard-input /dev/stdin
gcc -c devices/dev/stdin.c              | compile devices/dev/stdin.c -> stdin.o
"""

PROBES = """
gcc -c conftest.c                       | alone probe -
gcc -c conftest1.c -o x.o               | alone probe -
gcc -c conftstm.c                       | alone probe -
gcc -c sub/conftest.c                   | alone probe -
gcc -c conftest.cpp                     | alone probe -
gcc -c confused.c                       | compile confused.c -> confused.o
gcc -c -o /tmp/cgAbCd/dummy.o /tmp/cgAbCd/dummy.c | alone probe -
gcc -c /tmp/dummy.c                     | compile /tmp/dummy.c -> dummy.o
gcc -c /x/CMakeFiles/CMakeScratch/TryCompile-1/src.c | alone probe -
gcc -c /x/CMakeFiles/_CMakeLTOTest-C/src/foo.c | alone probe -
gcc -c /x/CMakeFiles/3.31/CompilerIdC/a.c | alone probe -
gcc -c /usr/share/cmake-4.3/Modules/CMakeCCompilerABI.c | alone probe -
gcc -c /x/CMakeFiles/a.dir/src.c        | compile /x/CMakeFiles/a.dir/src.c -> src.o
gcc -c meson-private/sanity.c           | alone probe -
gcc -c /b/meson-private/tmpx/testfile.c | alone probe -
gcc -fzz -c conftest.c                  | alone probe -
gcc -c a.c conftest.c                   | alone probe -
"""

LINKS = """
gcc a.o -o a                            | alone link -
gcc a.o b.o libc.a -o a -lm             | alone link -
gcc -shared a.o -o a.so                 | alone link -
gcc -flto a.o -o a                      | link
gcc -flto=auto a.o -o a                 | link
gcc -fno-lto a.o -o a                   | alone link -
gcc -flto -fno-lto a.o -o a             | alone link -
gcc -fno-lto -flto a.o -o a             | link
gcc -flto a.o                           | link
gcc -flto a.lo b.a c.so d.so.1.2 e.obj -o a | link
gcc -flto a.o -Wl,--dependency-file=x -Wl,-v -z now -u s -e m -T x.ld -Xlinker y -o a | link
gcc -flto a.o -fzz -o a                 | alone unknown-option -fzz
gcc -flto a.o -B x -o a                 | alone program -B
gcc -flto a.o conftest.c -o a           | alone no-compile -
gcc -flto -c a.o                        | alone no-compile -
gcc -flto -v a.o                        | alone no-compile -
gcc -flto -march=native a.o -o a        | alone machine -march=native
gcc -flto -r a.o -o b.o                 | link
gcc -flto -save-temps a.o -o a          | alone other-output -save-temps
gcc -flto a.o -o                        | alone unknown-option -o
gcc -flto a.o -usym -o a                | alone unknown-option -usym
clang -flto a.o -o a                    | alone link -
clang -flto=thin a.o -o a               | alone link -
"""

ALL_LINKS = """
gcc a.o -o a                            | link
gcc -flto a.o -o a                      | link
clang a.o -o a                          | link
clang -flto a.o -o a                    | alone link -
clang -flto -fno-lto a.o -o a           | link
gcc a.c -o a                            | alone no-compile -
gcc a.o -fzz                            | alone unknown-option -fzz
"""

NO_LINKS = """
gcc a.o -o a                            | alone link -
gcc -flto a.o -o a                      | alone link -
gcc -c a.c                              | compile a.c -> a.o
"""

# 'native' says something to -m alone.
NATIVE = """
gcc -Inative -c a.c                     | compile a.c -> a.o
gcc -I native -Dnative -c a.c           | compile a.c -> a.o
gcc -include native -c a.c              | compile a.c -> a.o
clang -mcpu=native+nofp -c a.c          | alone machine -mcpu=native+nofp
gcc -march=natives -c a.c               | alone machine -march=natives
"""

# Pieces after one whose value ends anywhere are looked at as well.
MORE_PIECES = """
gcc -Wa,-Id,@asargs -c a.c              | alone unknown-option -Wa,-Id,@asargs
gcc -Wa,-I,d -c a.c                     | alone unknown-option -Wa,-I,d
gcc -Wa,-Id,-adhln=a.lst -c a.c         | alone unknown-option -Wa,-Id,-adhln=a.lst
gcc -Wa,-mtune=x,extra.s -c a.c         | alone unknown-option -Wa,-mtune=x,extra.s
gcc -Wa,--defsym=x=1,-o,x.o -c a.S      | alone unknown-option -Wa,--defsym=x=1,-o,x.o
gcc -Wa,--gdwarf-5,--MD=x -c a.S        | alone unknown-option -Wa,--gdwarf-5,--MD=x
gcc -Wa,-Id,-Ie -c a.S                  | compile a.S -> a.o
"""

# A probe is told by its own name, not by its directory's.
MORE_PROBES = """
gcc -c conftest/a.c                     | compile conftest/a.c -> a.o
gcc -c conftools/list.c                 | compile conftools/list.c -> list.o
gcc -c x/conftools/list.c               | compile x/conftools/list.c -> list.o
gcc -c x/y/conftest.c                   | alone probe -
gcc -x c -c ''                          | alone unknown-file ''
"""

# What compilers write, or do not, by rules of their own: tried with gcc 12 and clang 14.
NAMES = """
gcc -MD -c a.s                          | compile a.s -> a.o
gcc -MD -MF x.d -c a.s                  | compile a.s -> a.o
gcc -MD -c a.i                          | compile a.i -> a.o
gcc -MD -c a.S                          | compile a.S -> a.o a.d
gcc -MD -x c -c a.s                     | compile a.s -> a.o a.d
gcc -MD -c a.s a.c                      | alone other-output -MD
gcc -MD -c a.s b.i                      | compile a.s b.i -> a.o b.o
gcc --coverage -c a.s                   | compile a.s -> a.o
gcc --coverage -c a.S                   | compile a.S -> a.o
gcc --coverage -c a.s a.c               | alone other-output --coverage
gcc -x c -c a.o                         | alone other-output a.o
gcc -c a.c -o a.c                       | alone other-output a.c
gcc -MD -MF a.c -c a.c                  | alone other-output a.c
gcc -c a.c a.d -MD                      | alone unknown-file a.d
gcc -x c -c b a.d -MD                   | alone other-output a.d
gcc -S a.s                              | alone other-output -S
gcc -S a.S                              | alone other-output -S
gcc -S -x assembler a                   | alone other-output -S
gcc -S a.c -o -                         | alone output 'standard output'
gcc -c a.c -o -                         | alone output 'standard output'
gcc -MD -MF - -c a.c                    | alone output 'standard output'
gcc -Wp,-MD,- -c a.c                    | alone output 'standard output'
gcc -MD -MF x -MF y -c a.c              | alone other-output -MF
gcc -Wp,-MD,x -MD -MF y -c a.c          | alone other-output -MF
gcc -MD -MF y -Wp,-MD,x -c a.c          | alone other-output -Wp,-MD,x
gcc -Wp,-MD,x -Wp,-MD,y -c a.c          | alone other-output -Wp,-MD,y
gcc -MD -c a.c -o .foo                  | alone other-output -o
gcc --coverage -c a.c -o d/.foo         | alone other-output -o
gcc -MD -c a.c -o .foo.o                | compile a.c -> .foo.o .foo.d
clang -gsplit-dwarf -c a.c              | alone other-output -gsplit-dwarf
clang -gsplit-dwarf -g1 -c a.c          | alone other-output -gsplit-dwarf
clang -g -g0 -gsplit-dwarf -c a.c       | alone other-output -gsplit-dwarf
clang -g0 -ggdb -gsplit-dwarf -c a.c    | compile a.c -> a.o a.dwo
clang -gdwarf-4 -gz -gsplit-dwarf -c a.c | compile a.c -> a.o a.dwo
clang -g -flto -gsplit-dwarf -c a.c     | alone other-output -gsplit-dwarf
clang -g -gsplit-dwarf -c a.S           | alone other-output -gsplit-dwarf
clang -g -gsplit-dwarf -c a.i           | alone other-output -gsplit-dwarf
"""

# Name of a file, and what it holds.
RESPONSE_FILES = {
    "plain": b"-c a.c\n",
    "spaces": b" \t-c\r\n\v\f a.c  ",
    "empty": b"",
    "blank": b" \n\t\n",
    "quotes": b"-c 'a b.c' \"c'd.c\" e' 'f.c ''",
    "joined": b"-c a\"b c\"'d'.c",
    "double": b'-c "a\\"b.c"',
    "escaped": b"-c a\\ b.c c\\'d.c e\\\\f.c",
    "open": b"-c 'a b.c",
    "nested": b"@plain -O2",
    "deep": b"@nested b.c",
    "absent": b"-c a.c @none",
    "quoted": b"-c '@none' b.c",
    "inner": b"'@plain'",
    "object": b"-o x.o",
    "value": b"out.o",
    "unknown": b"-fzz",
    "prints": b"--version",
    "nul": b"-c a.c\0 -fzz",
    "binary": b"-c a\xe9.c",
    "self": b"-c a.c @self",
    "twice": b"@twice @twice",
    "a.c": b"",
    "long": b"-c a.c " + b"-DA " * 300_000,
    "word": b"-c a.c -DA=" + b"x" * 140_000,
    "many": b"-c a.c " + b"-DA " * 10_000,
    "single": b"-c 'a\\'b.c'",
    "letter": b'-c a.c "-DA=a\\tb"',
    "line": b"-c a.c -DA=a\\\nb",
    "dollar": b'-c a.c "-DA=\\$x"',
    "end": b"-c a.c -DA=\\",
}

RESPONSES = """
gcc @plain                              | compile a.c -> a.o
gcc @plain b.c                          | compile a.c b.c -> a.o b.o
gcc @spaces                             | compile a.c -> a.o
gcc @empty -c a.c                       | compile a.c -> a.o
gcc @blank -c a.c                       | compile a.c -> a.o
gcc @blank                              | alone no-compile -
gcc @quotes                             | alone unknown-file ''
gcc @joined                             | compile 'ab cd.c' -> 'ab cd.o'
gcc @double                             | compile 'a"b.c' -> 'a"b.o'
gcc @escaped                            | compile 'a b.c' "c'd.c" 'e\\f.c' -> 'a b.o' "c'd.o" 'e\\f.o'
gcc @open                               | compile 'a b.c' -> 'a b.o'
gcc @nested                             | compile a.c -> a.o
gcc @deep                               | compile a.c b.c -> a.o b.o
gcc @absent                             | alone unknown-file @none
gcc @quoted                             | alone unknown-file @none
gcc @inner                              | compile a.c -> a.o
gcc -c a.c @object                      | compile a.c -> x.o
gcc -c a.c -o @value                    | compile a.c -> out.o
gcc -c a.c -o @none                     | compile a.c -> @none
gcc -c a.c -I @none                     | compile a.c -> a.o
gcc -c a.c @unknown                     | alone unknown-option -fzz
gcc -c a.c @prints                      | alone no-compile -
gcc @nul                                | compile a.c -> a.o
gcc @binary                             | alone name 'bytes that are no UTF-8'
gcc -c a.c @                            | alone unknown-file @
gcc -c a.c @none                        | alone unknown-file @none
gcc -c a.c @directory                   | alone unknown-file @directory
gcc -c a.c @fifo                        | alone standard-input @fifo
gcc -c a.c @/dev/stdin                  | alone standard-input @/dev/stdin
gcc -c a.c @/dev/fd/0                   | alone standard-input @/dev/fd/0
gcc -c a.c @/dev/null                   | alone standard-input @/dev/null
gcc -c a.c -o @/dev/null                | alone standard-input @/dev/null
gcc @many                               | compile a.c -> a.o
"""

# Response files that no command line can stand for, or that compilers read differently.
ODD_RESPONSES = """
gcc @self                               | alone not-supported @self
gcc -c a.c @twice                       | alone not-supported @twice
gcc @long                               | alone not-supported 'response files too long for a command line'
gcc @word                               | alone not-supported 'response files too long for a command line'
gcc @single                             | alone not-supported @single
gcc @letter                             | alone not-supported @letter
gcc @line                               | alone not-supported @line
gcc @dollar                             | compile a.c -> a.o
gcc @end                                | compile a.c -> a.o
"""

# Variables for 'gcc -c a.c' and for a link with -flto.
VARIABLES = """
CCC_OVERRIDE_OPTIONS=x                  | alone environment CCC_*
CC_LOG_DIAGNOSTICS=1                    | alone environment CC_LOG_DIAGNOSTICS*
CC_PRINT_OPTIONS=1                      | alone environment CC_PRINT_*
CC_PRINT_HEADERS=1                      | alone environment CC_PRINT_*
COMPILER_PATH=/x                        | alone environment COMPILER_PATH
DEPENDENCIES_OUTPUT=x.d                 | alone environment DEPENDENCIES_OUTPUT
GCC_COLORS=error=1                      | alone environment GCC_COLORS
GCC_EXEC_PREFIX=/x                      | alone environment GCC_EXEC_PREFIX
GCC_URLS=st                             | alone environment GCC_URLS
LD_PRELOAD=libm.so.6                    | alone environment LD_PRELOAD
SUNPRO_DEPENDENCIES=x.d                 | alone environment SUNPRO_DEPENDENCIES
LD_PRELOAD=                             | compile
LANGUAGE=                               | compile
LANGUAGE=C                              | compile
LANGUAGE=de                             | alone environment LANGUAGE
GCONV_PATH=/x                           | alone environment GCONV_PATH
NO_COLOR=                               | compile
CC_PRINT=1                              | compile
COMPILER_PATHS=/x                       | compile
COMPILER=/x                             | compile
CPATH=/x                                | compile
C_INCLUDE_PATH=/x                       | compile
LANG=de                                 | compile
LC_ALL=C                                | compile
LD_LIBRARY_PATH=/x                      | compile
LIBRARY_PATH=/x                         | compile
TMPDIR=/x                               | compile
LLVM_PROFILE_FILE=x                     | alone environment LLVM_*
GLIBC_TUNABLES=x                        | alone environment GLIBC_TUNABLES
LD_RUN_PATH=/x                          | compile
SOURCE_DATE_EPOCH=                      | alone clock -
SOURCE_DATE_EPOCH=1                     | compile
"""

# An empty variable that gcc looks for is not as good as none.
EMPTY_VARIABLES = """
COMPILER_PATH=                          | alone environment COMPILER_PATH
GCC_EXEC_PREFIX=                        | alone environment GCC_EXEC_PREFIX
DEPENDENCIES_OUTPUT=                    | alone environment DEPENDENCIES_OUTPUT
GCC_COLORS=                             | alone environment GCC_COLORS
GCC_COMPARE_DEBUG=1                     | alone environment GCC_COMPARE_DEBUG
GCC_DIAGNOSTICS_LOG=x                   | alone environment GCC_DIAGNOSTICS_LOG
GCC_EXTRA_DIAGNOSTIC_OUTPUT=fixits-v1   | alone environment GCC_EXTRA_DIAGNOSTIC_OUTPUT
EXPERIMENTAL_SARIF_SOCKET=x             | alone environment EXPERIMENTAL_SARIF_SOCKET
"""

LINK_VARIABLES = """
LD_RUN_PATH=/x                          | alone environment LD_RUN_PATH
LD_RUN_PATH=                            | link
COMPILER_PATH=/x                        | alone environment COMPILER_PATH
LIBRARY_PATH=/x                         | alone environment LIBRARY_PATH
LIBRARY_PATH=                           | link
"""

# Patterns, a space, and the source that is compiled.
EXCLUSIONS = """
slow.c slow.c                           | alone excluded slow.c
slow.c d/slow.c                         | alone excluded d/slow.c
slow.c /b/e.bst/src/slow.c              | alone excluded /b/e.bst/src/slow.c
slow.c not-slow.c                       | compile
gen/*.cc ../gen/x/y.cc                  | alone excluded ../gen/x/y.cc
gen/*.cc gen/z.cc                       | alone excluded gen/z.cc
gen/*.cc regen/z.cc                     | compile
* a.c                                   | alone excluded a.c
a[bc].c ab.c                            | alone excluded ab.c
a?.c ab.c                               | alone excluded ab.c
b.c  a.c a.c                            | alone excluded a.c
/b/a.c a.c                              | compile
slow.c conftest.c                       | alone probe -
"""

BYTES = [
    (b"caf\xe9.c", False),
    (b"-DS=caf\xe9", False),
    (b"\xff", False),
    (b"\xc0\xaf.c", False),
    (b"\xc1\xbf.c", False),
    (b"\xe0\x80\x80.c", False),
    (b"\xe2\x82.c", False),
    (b"\xe2\x82", False),
    (b"\xf0\x8f\xbf\xbf.c", False),
    (b"\x80.c", False),
    (b"\xf8\x88\x80\x80\x80.c", False),
    (b"-I\xe9", False),
    ("\u00e9\u20ac\U0001f600.c".encode(), True),
    (b"\xef\xbf\xbd.c", True),
    (b"\xed\x9f\xbf.c", True),
    (b"\xf4\x8f\xbf\xbf.c", True),
    (b"\x7f.c", True),
    (b"a\n.c", True),
]

# protobuf takes neither surrogates nor what is beyond Unicode.
NO_CHARACTERS = [(b"\xed\xa0\x80.c", False), (b"\xed\xbf\xbf.c", False), (b"\xf4\x90\x80\x80.c", False)]
