# Removes each mechanism that docs/trust.md relies on, once, and shows that its test fails then.
# SPDX-License-Identifier: Apache-2.0
"""Usage: make mutants (or: .venv/bin/python tools/mutants.py [NAME…]); a minute a mutant.

A test that attacks a mechanism proves something only if it fails without it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from harness import BIN, ROOT

SOURCES = "recc/files/wrapper/src"
RECC = "recc/include/recc.yml"
# MANIFEST: 'local' as it is; LOCAL: where recc is asked for all.
MANIFEST, LOCAL, REMOTE, VERIFY, CLANG = (
    (f"tests/e2e/test_rows.py::test_rows[{mode}]",)
    for mode in ("gcc-local", "gcc-local-recc", "gcc-remote", "gcc-verify", "clang-local")
)
PLAN, JUDGE, EVIDENCE = ("tests/unit/test_plan.py",), ("tests/unit/test_judge.py",), ("tests/unit/test_evidence.py",)


def trust(name: str) -> tuple[str, ...]:
    """Arguments of pytest for a test of trust, or of builds."""
    return ("tests/e2e/test_trust.py", "tests/e2e/test_builds.py", "-k", name)


# name: (file, text, what stands there instead, pytest's arguments, rows that they are to try)
MUTANTS = {
    "words not in local's key": (
        f"{SOURCES}/recc.c",
        """    for (size_t i = 0; i < run->plan.all.count; i++)
        fprintf(""",
        """    for (size_t i = 0; i < 1; i++)
        fprintf(""",
        LOCAL,
        "response_file",
    ),
    "variables not in local's key": (f"{SOURCES}/recc.c", "if (is_keyed(*variable))", "if (0)", LOCAL, "date_changed"),
    "programs not in local's key": (
        f"{SOURCES}/recc.c",
        'fprintf(file, "%s", run->toolchain);',
        'fprintf(file, "%s", "");',
        trust("poison"),
        "",
    ),
    "no salt": (f"{SOURCES}/recc.c", '"RECC_ACTION_SALT", salt,', '"RECC_ACTION_SALT", NULL,', LOCAL, "response_file"),
    "no toolchain in the key": (
        "recc/include/gcc-for-recc.yml",
        "toolchain.bst:components/gcc.bst\nconfig:",
        "toolchain.bst:packages/gettext.bst\nconfig:",
        trust("test_toolchain_change"),
        "",
    ),
    "opened files no inputs": (
        f"{SOURCES}/files.c",
        "if (!written && (entry->tag == 'R'",
        "if (!written && (0",
        LOCAL,
        "unity",
    ),
    "hidden inputs stored": (
        f"{SOURCES}/judge.c",
        'object_to(verdict, "hidden-input", name);',
        "(void)0;",
        JUDGE,
        "",
    ),
    "messages of absent files stored": (
        f"{SOURCES}/judge.c",
        'object_to(verdict, "messages", name);',
        "(void)0;",
        JUDGE,
        "",
    ),
    "files beside the object stored": (
        f"{SOURCES}/judge.c",
        'object_to(verdict, "other-output", name);',
        "(void)0;",
        JUDGE,
        "",
    ),
    "files of equal content and other times": (
        f"{SOURCES}/judge.c",
        "        judge_times(verdict, plan, scan);",
        "        (void)judge_times;",
        JUDGE,
        "",
    ),
    "one file by two names in remote": (f"{SOURCES}/judge.c", "plan->clang ? is_split", "0 ? is_split", JUDGE, ""),
    "times in remote": (f"{SOURCES}/scan.c", 'if (find_reason(&found, "times"))', "if (0)", REMOTE, "timestamp"),
    "messages of other files in remote": (
        f"{SOURCES}/run.c",
        "quotes_others(&run->plan, &run->scan)",
        "0",
        REMOTE,
        "line_present",
    ),
    "standard input cached": (
        f"{SOURCES}/command.c",
        'refuse(seen, "standard-input", name);',
        "(void)0;",
        PLAN,
        "",
    ),
    "unknown options cached": (
        f"{SOURCES}/command.c",
        """            refuse(seen, "unknown-option", word);
            continue;
        }
        two""",
        """            continue;
        }
        two""",
        PLAN,
        "",
    ),
    "variables not looked at": (f"{SOURCES}/plan.c", "else if (!plan->reason && variable)", "else if (0)", PLAN, ""),
    "outputs through links": (
        f"{SOURCES}/files.c",
        "S_ISREG(status.st_mode) && status.st_size > 0 &&",
        "1 ||",
        LOCAL,
        "output_empty_hard_link",
    ),
    "signals not handed on": (
        f"{SOURCES}/process.c",
        "        caught = number;\n        kill(-running, number);\n        alarm(PATIENCE);",
        "        (void)number;",
        LOCAL,
        "signal_term",
    ),
    "verify does not verify": (
        f"{SOURCES}/run.c",
        "if (!compare_results(",
        "if (0 && !compare_results(",
        trust("poison"),
        "",
    ),
    "verify takes from the cache": (f"{SOURCES}/recc.c", "run->mode == VERIFY ? nonce : NULL", "NULL", VERIFY, "plain"),
    "remote falls back": (
        f"{SOURCES}/run.c",
        """    fail(run, answer->errors, "works here""",
        """    end_uncached(run, "link", "", status);
    fail(run, answer->errors, "works here""",
        trust("insufficient"),
        "",
    ),
    "a program that does not answer": (f"{SOURCES}/evidence.c", "if (started != answered)", "if (0)", EVIDENCE, ""),
    "any program": (f"{SOURCES}/evidence.c", "!is_known_program(line + 2)", "0", EVIDENCE, ""),
    "what cannot be recorded": (
        f"{SOURCES}/evidence.c",
        "if (line[0] == 'X' || line[0] == 'Y')",
        "if (0)",
        EVIDENCE,
        "",
    ),
    "read before it was written": (
        f"{SOURCES}/evidence.c",
        'object_to(verdict, "hidden-input", name);',
        "(void)0;",
        EVIDENCE,
        "",
    ),
    "changed meanwhile": (
        f"{SOURCES}/evidence.c",
        'object_to(verdict, "times", name); /* it has changed meanwhile */',
        "(void)0;",
        EVIDENCE,
        "",
    ),
    "places of libraries": (
        f"{SOURCES}/evidence.c",
        "    name_library_places(verdict, lines, facts);",
        "    (void)name_library_places;",
        EVIDENCE,
        "",
    ),
    "precompiled headers remembered": (
        f"{SOURCES}/evidence.c",
        "|| holds_times(name))",
        "|| 0)",
        EVIDENCE,
        "",
    ),
    "compared times remembered": (f"{SOURCES}/evidence.c", "asks_for_times(name) ||", "0 ||", EVIDENCE, ""),
    "absent paths not looked at": (
        f"{SOURCES}/facts.c",
        'return stat(name, &status) != 0 ? "-" : NULL;',
        'return "-";',
        EVIDENCE,
        "",
    ),
    "links not followed": (
        f"{SOURCES}/facts.c",
        "        return real_path(name, value);\n    case 'd'",
        "        return name;\n    case 'd'",
        EVIDENCE,
        "",
    ),
    "directories by name": (
        f"{SOURCES}/facts.c",
        "            return realpath(name, value);",
        '            return stat(name, &status) == 0 ? "d" : NULL;',
        MANIFEST,
        "seen_same_directory",
    ),
    "contents not compared": (
        f"{SOURCES}/facts.c",
        "return digest_once(name, value) ? value : NULL;",
        'return "x";',
        MANIFEST,
        "seen_generated",
    ),
    "another directory": (
        f"{SOURCES}/direct.c",
        "run->compiler, run->directory, needs",
        'run->compiler, "", needs',
        MANIFEST,
        "seen_directory",
    ),
    "copies that differ in time": (
        f"{SOURCES}/facts.c",
        "        return relation(value, name) == tag;",
        "        return true;",
        MANIFEST,
        "once_alike",
    ),
    "copies that differed in time": (
        f"{SOURCES}/remember.c",
        "            if (strcmp(older, name) != 0)",
        "            if (strcmp(older, name) != 0 && related != 'o')",
        MANIFEST,
        "once_apart",
    ),
    "one file by two names": (
        f"{SOURCES}/facts.c",
        "        return 'i';",
        "        return 't';",
        CLANG,
        "once_two_names",
    ),
    "an entry without its end": (
        f"{SOURCES}/direct.c",
        "return objects->count == run->plan.outputs.count + 2;",
        "return true;",
        ("tests/unit/test_direct.py",),
        "",
    ),
    "a look before it is loaded": (
        f"{SOURCES}/direct.c",
        "    close(lock_manifest(run->manifest, LOCK_SH));",
        "    (void)lock_manifest;",
        ("tests/e2e/test_manifest.py", "-k", "reset"),
        "",
    ),
    "staged whatever happens": (
        f"{SOURCES}/staged.c",
        "status.st_ctim.tv_sec != STAGED / 1000000000 || status.st_ctim.tv_nsec != 0)",
        "status.st_mtim.tv_sec != STAGED / 1000000000)",
        ("tests/e2e/test_manifest.py", "-k", "staged"),
        "",
    ),
    "any LTO wants make": (
        f"{SOURCES}/link.c",
        "lacked && wants_make(run)",
        "lacked && (wants_make(run) || true)",
        REMOTE,
        "gcc_link_serial",
    ),
    "results without make": (f"{SOURCES}/run.c", "&& lacked_make(run, err))", "&& false)", REMOTE, "gcc_link_make"),
    "where nothing can be printed": (
        f"{SOURCES}/outputs.c",
        "    signal(SIGPIPE, old);\n    return shown;",
        "    signal(SIGPIPE, old);\n    return shown || true;",
        MANIFEST,
        "seen_full",
    ),
    "streams by themselves": (
        f"{SOURCES}/outputs.c",
        "    return fstat(1, &out) == 0 &&",
        "    return false && fstat(1, &out) == 0 &&",
        MANIFEST,
        "seen_one_stream",
    ),
    "what stays in a file": (
        f"{SOURCES}/observe.c",
        "if (status.st_size > 0)",
        "if (0)",
        ("tests/unit/test_observe.py",),
        "",
    ),
    "two writers at once": (
        f"{SOURCES}/evidence.c",
        "was_shared(record, status.st_ino, since)",
        "0",
        MANIFEST,
        "seen_raced",
    ),
    "what is asked for": (
        f"{SOURCES}/observe-asked.c",
        'record("a %s\\n", name);\n    else if (scan',
        ";\n    else if (scan",
        MANIFEST,
        "seen_directory_appears",
    ),
    "every sandbox may write": (
        RECC,
        '- recc_mode == "local":\n        act',
        '- recc_mode != "off":\n        act',
        trust("trust_share"),
        "",
    ),
}


def survives(name: str) -> bool:
    """Apply one mutant to a copy of this repository and run its tests; true if they still pass."""
    file, old, new, tests, rows = MUTANTS[name]
    with tempfile.TemporaryDirectory(prefix="mutant-") as directory:
        copy = Path(directory) / "repository"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "demo", ".cache"))
        text = (copy / file).read_text()
        if text.count(old) != 1:
            sys.exit(f"mutants: '{old}' does not stand once in {file}: adapt this mutant.")
        (copy / file).write_text(text.replace(old, new))
        command = [str(BIN / "pytest"), "-q", "-x", "--durations=0", *tests]
        environment = os.environ | {"ROWS": rows}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
        print(f"{'SURVIVED' if done.returncode == 0 else 'killed':9} {name}", flush=True)
        print("".join(f"          {line}\n" for line in done.stdout.splitlines() if line.startswith("FAILED"))[:200])
        return done.returncode != 1


if __name__ == "__main__":
    sys.exit(1 if [name for name in sys.argv[1:] or MUTANTS if survives(name)] else 0)
