# The Debian mirror that this machine's apt uses.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess

ARCHIVE = "https://snapshot.debian.org/archive/debian"
# What the projects with Debian packages call the archive.
ALIASES = {"debian-toolchain": "debian", "recc": "recc-packages"}


def host_mirror() -> str | None:
    """Its URL, without a slash at the end; None where apt uses none, or is none.

    Derivatives of Debian are left out: their pools hold other files.
    """
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(SITE)", "Created-By: Packages"]
    try:
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    for line in listing.splitlines():
        origin, label, site = line.split("|", 2)
        if origin == label == "Debian" and site.startswith(("http://", "https://")):
            return site.rstrip("/")
    return None
