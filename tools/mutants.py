# Removes each mechanism that docs/trust.md relies on, once, and shows that its test fails then.
# SPDX-License-Identifier: Apache-2.0
"""Usage: make mutants (or: .venv/bin/python tools/mutants.py [NAME…]); about two minutes a mutant.

A test that attacks a mechanism proves something only if it fails without it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import BIN, ROOT

PRODUCT = "{{cookiecutter.project_slug}}"
WRAPPER = f"{PRODUCT}/files/recc-wrapper/libexec/compiler"
OBSERVE = f"{PRODUCT}/files/recc-wrapper/src/observe.c"
RECC = f"{PRODUCT}/include/recc.yml"

# name: (file, text, what stands there instead, tests that must fail)
MUTANTS = {
    "no salt": (RECC, "      RECC_ACTION_SALT: quasi-safe\n", "", "poison"),
    "no toolchain in the key": (
        f"{PRODUCT}/include/gcc-for-recc.yml",
        "toolchain.bst:components/gcc.bst\nconfig:",
        "toolchain.bst:packages/gettext.bst\nconfig:",
        "test_toolchain_change",
    ),
    "scan not extended": (OBSERVE, "if (write(rule_fd, rule,", "if (0 && write(rule_fd, rule,", "row"),
    "hidden inputs not refused": (
        OBSERVE,
        "            raise(SIGTERM);\n        _exit(1);\n",
        "            return;\n        return;\n",
        "incbin",
    ),
    "libraries as recc guesses them": (
        WRAPPER,
        "OBSERVE=$refuse LD_PRELOAD",
        "unset RECC_DEPS_OVERRIDE RECC_OUTPUT_FILES_OVERRIDE; OBSERVE=$refuse LD_PRELOAD",
        "row and link",
    ),
    "hidden inputs of links stored": (
        OBSERVE,
        'role = strncmp(mode, "refuse", 6)',
        'role = strcmp(mode, "refuse")',
        "link_hidden",
    ),
    "LD_RUN_PATH not looked at": (
        WRAPPER,
        '[ -z "$LD_RUN_PATH" ] || reason',
        '[ -z "$LD_RUN_PATH" ] || unused',
        "link_run",
    ),
    "failed compiles stored": (
        RECC,
        "RECC_CACHE_UPLOAD_FAILED_BUILD: ''\n  RECC_IGNORE_FAILURE_RESULT: '1'",
        "RECC_CACHE_UPLOAD_FAILED_BUILD: '1'\n  RECC_IGNORE_FAILURE_RESULT: ''",
        "not_stored",
    ),
    "verify does not verify": (RECC, "      RECC_VERIFY: '1'\n", "      RECC_MAX_THREADS: '1'\n", "verify or poison"),
    "verify takes from the cache": (WRAPPER, "read -r RECC_REMOTE_ENV_VERIFICATION", "read -r UNUSED", "in_verify"),
    "remote falls back": (WRAPPER, "local | cache-only)\n    # What", "*)\n    # What", "insufficient"),
    "profiles cached": (WRAPPER, "-fprofile-use* | -fbranch", "-fbranch", "row and profile"),
    "every sandbox may write": (
        RECC,
        '- recc_mode == "local":\n        act',
        '- recc_mode != "off":\n        act',
        "trust_share",
    ),
}


def survives(name: str) -> bool:
    """Apply one mutant to a copy of this repository and run its tests; true if they still pass."""
    file, old, new, tests = MUTANTS[name]
    with tempfile.TemporaryDirectory(prefix="mutant-") as directory:
        copy = Path(directory) / "repository"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "demo", ".cache"))
        text = (copy / file).read_text()
        if text.count(old) != 1:
            sys.exit(f"mutants: '{old}' does not stand once in {file}: adapt this mutant.")
        (copy / file).write_text(text.replace(old, new))
        command = [str(BIN / "pytest"), "-q", "-x", "--durations=0", "tests/test_trust.py", "tests/test_builds.py"]
        done = subprocess.run([*command, "-k", tests], cwd=copy, capture_output=True, text=True)
        print(f"{'SURVIVED' if done.returncode == 0 else 'killed':9} {name}", flush=True)
        print("".join(f"          {line}\n" for line in done.stdout.splitlines() if line.startswith("FAILED"))[:200])
        return done.returncode != 1


if __name__ == "__main__":
    sys.exit(1 if [name for name in sys.argv[1:] or MUTANTS if survives(name)] else 0)
