# Says what to do next.
# SPDX-License-Identifier: Apache-2.0
"""Print the next commands, ready to be copied."""

import shlex
from pathlib import Path

print(f"""
Next:

    cd {shlex.quote(str(Path.cwd()))}
    python3 -m venv .venv && . .venv/bin/activate
    pip install -r requirements.txt
    bst build examples/greeting.bst

The host needs bubblewrap and fuse3 (Debian: apt-get install bubblewrap fuse3).
README.md says how to use a Debian mirror near you, and what the modes of recc are.""")
