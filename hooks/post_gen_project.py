# Drops what was not chosen, records where the project comes from, and says what to do next.
# SPDX-License-Identifier: Apache-2.0
"""Keep one of the toolchains; write .cruft.json; print the next commands, ready to be copied."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

TOOLCHAIN: str = "{{ cookiecutter.toolchain }}"
# As in pre_gen_project.py, JSON keeps answers data. Cruft has no _repo_dir: it records by itself,
# and generates in temporary directories to compare.
CONTEXT = json.loads(r'{{ cookiecutter | tojson }}')
BY_COOKIECUTTER = "_repo_dir" in CONTEXT


NOT_RECORDED = """\
{}: it is not recorded what this project was made from.
To update the project one day, link it before with: cruft link URL
Let requirements.txt name the commands: bst-recc @ git+URL"""


def require(source: str, commit: str) -> None:
    """Let requirements.txt name bst-recc in the template's repository, at this commit."""
    if Path(source).is_dir():
        lines = f"# Name a repository that others reach before you share this.\nbst-recc @ {Path(source).as_uri()}\n"
    else:
        url = re.sub(r"^([^/@]+@)?([^/:]+):(?!/)", r"ssh://\1\2/", source)  # as scp writes it
        lines = f"bst-recc @ git+{url}@{commit}\n"
    with Path("requirements.txt").open("a") as file:
        file.write(lines)


def record() -> str | None:
    """Write .cruft.json as 'cruft create' does: template, commit, answers. Returns what the user should know, or None.

    No other path of this machine is written than the template's, where that is what was given,
    and no user or password of a URL.
    """
    # A relative path is the shell's, which no variable of cookiecutter's tells.
    template = Path(os.environ.get("PWD", ""), CONTEXT["_repo_dir"]).resolve()

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(template), *arguments]
        environment = os.environ | {"LC_ALL": "C"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    try:
        commit, *prefix = git("rev-parse", "HEAD", "--show-prefix").split()
        given_as_path = CONTEXT["_repo_dir"] == CONTEXT["_template"]
        source = str(template) if given_as_path else git("remote", "get-url", "origin")
        changed = git("status", "--porcelain", "--untracked-files=no")
        reason = "The template is no Git checkout" if prefix else ""  # it merely lies in one
    except FileNotFoundError:
        reason = "Git is not installed"
    except (subprocess.CalledProcessError, ValueError) as error:
        # In Git's own words where it is something else: of a directory that another user owns, say.
        reason = getattr(error, "stderr", "").partition("\n")[0]
        if not reason or "not a git repository" in reason:
            reason = "The template is no Git checkout"
    if reason:
        if CONTEXT["_repo_dir"] == CONTEXT["_template"]:
            require(str(template), "")
        return NOT_RECORDED.format(reason)
    source = re.sub(r"^(https?://)[^/]*@", r"\1", source)
    answers = {name: value for name, value in CONTEXT.items() if not name.startswith("_")}
    state = {
        "template": source,
        "commit": commit,
        "checkout": CONTEXT["_checkout"],
        "context": {"cookiecutter": answers | {"_template": source, "_commit": commit}},
        "directory": None,
    }
    Path(".cruft.json").write_text(json.dumps(state, ensure_ascii=False, indent=2) + "\n")
    require(source, commit)
    return "The template has uncommitted changes: .cruft.json names the commit before them." if changed else None


# Names of files are conditional in the template; a directory cannot be.
packages = "bubblewrap fuse3"
if TOOLCHAIN == "freedesktop-sdk":
    shutil.rmtree("toolchain")
    packages += " lzip"

if not BY_COOKIECUTTER:
    if "_commit" in CONTEXT:
        require(CONTEXT["_template"], CONTEXT["_commit"])
else:
    if notice := record():
        print(f"\n{notice}")
    print(f"""
Next:

    cd {shlex.quote(str(Path.cwd()))}
    python3 -m venv .venv && . .venv/bin/activate
    pip install -r requirements.txt
    bst build examples/greeting.bst

What the host needs, by Debian's names: apt-get install {packages}
README.md says how to use a Debian mirror near you, and what the modes of recc are.""")
