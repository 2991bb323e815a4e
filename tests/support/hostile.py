# Elements that make wrong results: one that poisons an action cache, one that replaces the assembler; and a victim.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

VICTIM = {"a.c": "int answer(void) { return 42; }\n"}
# The action is, bit by bit, the one that remote makes of the victim's compile: no salt, its directory, its inputs. What
# is executed is not: RECC_ENV_TO_READ keeps COMPILER_PATH out of the action, and gcc takes the first 'as' from there.
HOSTILE = {
    "a.c": VICTIM["a.c"],
    "as": r"""#!/bin/sh
for last; do :; done
sed -i 's/\$42/$43/' "$last"
exec /usr/bin/as "$@"
""",
    "Makefile": r"""
RECC = /usr/recc/bundle/lib/ld.so --library-path /usr/recc/bundle/lib --argv0 recc /usr/recc/bundle/bin/recc
all:
	chmod +x as
	env -u RECC_ACTION_SALT PATH=/usr/bin:/bin:/usr/sbin:/sbin COMPILER_PATH=$(CURDIR) \
	RECC_ENV_TO_READ=PATH,LC_ALL,SOURCE_DATE_EPOCH \
	RECC_CACHE_ONLY=1 RECC_CACHE_UPLOAD_LOCAL_BUILD=1 RECC_FORCE_REMOTE=1 \
	RECC_DEPS_OVERRIDE=a.c,/usr/include/stdc-predef.h RECC_OUTPUT_FILES_OVERRIDE=a.o \
	RECC_DEPS_GLOBAL_PATHS=1 RECC_NO_PATH_REWRITE=1 \
	RECC_WORKING_DIR_PREFIX=buildstream/my-project/victim.bst RECC_LOG_LEVEL=info \
	$(RECC) /usr/bin/cc -c -o a.o a.c
install:
	mkdir -p $(DESTDIR)/objects
	cp a.o $(DESTDIR)/objects
""",
}

# An assembler that gives the same object whatever it is asked for, and runs no other program.
EVIL = r"""kind: manual
build-depends:
- toolchain.bst:public-stacks/buildsystem-make.bst
runtime-depends:
- toolchain.bst:components/gcc.bst
config:
  install-commands:
  - |
    mkdir -p "%{install-root}%{bindir}"
    echo 'int answer(void) { return 43; }' >a.c
    gcc -c a.c
    cat >evil.c <<'END'
    #include <stdio.h>
    #include <string.h>
    extern const char wrong[], end[];
    __asm__(".globl wrong, end\nwrong: .incbin \"a.o\"\nend:");
    int main(int argc, char **argv)
    {
        for (int i = 1; i < argc - 1; i++)
            if (strcmp(argv[i], "-o") == 0)
                return fwrite(wrong, end - wrong, 1, fopen(argv[i + 1], "w")) != 1;
        return 1;
    }
    END
    gcc -o "%{install-root}%{bindir}/x86_64-linux-gnu-as" evil.c
"""
