# Drops what was not chosen, and says what to do next.
# SPDX-License-Identifier: Apache-2.0
"""Keep one of the toolchains; print the next commands, ready to be copied."""

import shlex
import shutil
from pathlib import Path

TOOLCHAIN: str = "{{ cookiecutter.toolchain }}"

# The toolchains differ in their junction, and in what BuildStream needs on the host to load it.
freedesktop_sdk = Path("elements/toolchain-freedesktop-sdk.bst")
packages = "bubblewrap fuse3"
mirror = "how to use a Debian mirror near you, and "
if TOOLCHAIN == "freedesktop-sdk":
    freedesktop_sdk.replace("elements/toolchain.bst")
    shutil.rmtree("toolchain")
    requirements = Path("requirements.txt")
    requirements.write_text(requirements.read_text().replace("[deb]", "[cargo2,git,httpfetcher,pypi]"))
    packages += " lzip"
    mirror = ""
else:
    freedesktop_sdk.unlink()

print(f"""
Next:

    cd {shlex.quote(str(Path.cwd()))}
    python3 -m venv .venv && . .venv/bin/activate
    pip install -r requirements.txt
    bst build examples/greeting.bst

What the host needs, by Debian's names: apt-get install {packages}
README.md says {mirror}what the modes of recc are.""")
