# Says where the template comes from, drops what was not chosen, and prints what to do next.
# SPDX-License-Identifier: Apache-2.0
"""The template's URL, branch and commit go into the junctions and into requirements.txt. Git alone is run."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

CONTEXT = json.loads(r'{{ cookiecutter | tojson }}')  # JSON keeps answers data
NAMED_IN = ("project.conf", "elements/recc.bst", "elements/toolchain.bst", "requirements.txt")
# A relative path is the shell's, which no variable of cookiecutter's tells.
TEMPLATE = Path(os.environ.get("PWD", ""), CONTEXT["_repo_dir"]).resolve()
IS_PATH = CONTEXT["_repo_dir"] == CONTEXT["_template"]


def git(*arguments: str) -> str:
    """What Git says of the template; raises CalledProcessError where it fails."""
    environment, command = os.environ | {"LC_ALL": "C"}, ["git", "-C", str(TEMPLATE), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def fill_in() -> str:
    """Put the template's place into the files that name it; what the user should know of it, or nothing.

    No other path of this machine is written than the template's, where that is what was given, and no user or
    password of a URL.
    """
    problem, changed, url, commit, branch = "", "", "", "", ""
    try:
        commit, *prefix = git("rev-parse", "HEAD", "--show-prefix").split()
        if prefix:
            problem = "The template is no Git checkout"  # it merely lies in one
        branch = CONTEXT["_checkout"] or git("rev-parse", "--abbrev-ref", "HEAD")
        url = TEMPLATE.as_uri() if IS_PATH else git("remote", "get-url", "origin")
        changed = git("status", "--porcelain", "--untracked-files=no")
    except FileNotFoundError:
        problem = "Git is not installed"
    except (subprocess.CalledProcessError, ValueError) as error:
        # In Git's own words where it is something else: of a directory that another user owns, say.
        problem = getattr(error, "stderr", "").partition("\n")[0]
        if not problem or "not a git repository" in problem:
            problem = "The template is no Git checkout"
    if problem:
        return f"{problem}: put its repository's URL, branch and commit into {', '.join(NAMED_IN)}."
    url = re.sub(r"^(https?://)[^/]*@", r"\1", url)
    url = re.sub(r"^([^/@]+@)?([^/:]+):(?!/)", r"ssh://\1\2/", url)  # as scp writes it
    place, _, name = url.rpartition("/")
    # pip takes no name before git+file.
    package = url if IS_PATH else f"git+{url}@{commit}"
    words = {"PACKAGE": package, "PLACE": place, "NAME": name, "BRANCH": branch, "COMMIT": commit}
    for path in map(Path, NAMED_IN):
        path.write_text(re.sub(r"TEMPLATE_(\w+)", lambda word: words[word[1]], path.read_text()))
    notes = ["The template has uncommitted changes: this project has what was committed."] * bool(changed)
    if IS_PATH:
        notes.append(f"Before you share this project, put a URL that others reach into {', '.join(NAMED_IN)}.")
    return "\n".join(notes)


# Names of files are conditional in the template; a directory cannot be.
if CONTEXT["forge"] != "github":
    shutil.rmtree(".github")
note = fill_in()
packages = "bubblewrap fuse3 git python3-venv" + " lzip" * (CONTEXT["toolchain"] == "freedesktop-sdk")
print(f"""{note and f'''
{note}
'''}
Next:

    cd {shlex.quote(str(Path.cwd()))}
    python3 -m venv .venv && . .venv/bin/activate
    pip install -r requirements.txt
    bst build greeting.bst

What the host needs, by Debian's names: apt-get install {packages}
README.md says how to use a Debian mirror near you, and what the modes of recc are.""")
