"""What a desk captures is what an attempt rebuilds: a package of the repository, installed as a link."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.environment import uv
from elsewhere.capture import capture
from elsewhere.contract.spec import LocalPackage
from elsewhere.startup import lay_sdk

if TYPE_CHECKING:
    from .conftest import Box


def test_a_src_layout_that_is_installed_as_a_link_at_the_desk_is_imported_in_the_attempt(box: Box) -> None:
    desk = box.root / "desk"
    box.write("pyproject.toml", box.project("mine", '"toyone<2"'), desk)
    box.write("src/mine/__init__.py", "import toyone\nVERSION = f'mine over {toyone.VERSION}'\n", desk)
    script = box.write("train.py", "import mine\nprint(mine.VERSION)\n", desk)
    git = ["git", "-C", str(desk), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)
    venv = box.root / "desks-venv"
    program = str(uv.find())
    subprocess.run([program, "venv", "-q", "--python", sys.executable, venv], check=True)
    subprocess.run([program, "pip", "install", "-q", "--python", venv / "bin/python", "-e", desk], check=True)
    (site,) = venv.glob("lib/python3*/site-packages")

    found = capture(script, untracked_limit=1 << 20, bundle_limit=1 << 20, search_path=[str(site)])
    assert found.spec.packages.local == (LocalPackage("."),)
    assert found.spec.packages.requirements == ("toyone==1.0",)

    tree: Path = box.root / "workspaces" / "one"
    subprocess.run(["git", "clone", "-q", desk, tree], check=True)
    desk.rename(box.root / "gone")
    environment = box.rebuild(tree, found.spec.packages)
    variables = {**environment.variables(os.environ["PATH"]), "PYTHONPATH": str(lay_sdk(box.root / "sdk"))}
    said = subprocess.check_output([environment.python, "train.py"], cwd=tree, env=variables, text=True)
    assert said == "mine over 1.0\n"
