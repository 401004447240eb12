"""The packages of a run, from what a desk has to what its script imports on a box."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from environment.conftest import make_wheel
from flow.world import World, eventually

INSTALLING = ("building environment", "installing from the tree", "Resolved", "Installed")
"""What stands in a log where an installer was at work."""

PASSWORD = "open-sesame"
SAY = "import sys, toyone\nprint('toyone', toyone.VERSION, 'in', sys.prefix)\n"

UV_PROJECT = """\
[project]
name = "locked"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["toyone>=1"]
[[tool.uv.index]]
url = "https://index.example/simple"
default = true
"""
UV_LOCK = """\
version = 1
revision = 3
requires-python = ">=3.10"

[[package]]
name = "locked"
version = "1.0"
source = {{ virtual = "." }}
dependencies = [{{ name = "toyone" }}]

[package.metadata]
requires-dist = [{{ name = "toyone", specifier = ">=1" }}]

[[package]]
name = "toyone"
version = "2.0"
source = {{ registry = "https://index.example/simple" }}
wheels = [
    {{ url = "https://index.example/files/toyone-2.0-py3-none-any.whl", hash = "sha256:{digest}", size = 1 }},
]
"""


class Desk:
    """A world whose machines have a folder of tiny wheels for an index, and a desk's own environment."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wheels = world.folder / "wheels"
        self.cache = world.folder / "uv-cache"
        self.venv = world.folder / "desks-venv"
        self.wheels.mkdir()
        for version in ("1.0", "2.0"):
            make_wheel(self.wheels, "toyone", version)
        world.settings |= {
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(self.wheels),
            "UV_CACHE_DIR": str(self.cache),
            "VIRTUAL_ENV": str(self.venv),
        }
        self.environment(self.venv, "toyone==1.0")

    def environment(self, folder: Path, *packages: str) -> Path:
        """Install them with uv into an environment, which is made if it is not there."""
        if not folder.exists():
            self._uv("venv", "-q", "--python", sys.executable, str(folder))
        self._uv("pip", "install", "-q", "--python", str(folder / "bin" / "python"), *packages)
        return folder

    def _uv(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "uv", *words],
            env=self.world.environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def package(self, name: str) -> Path:
        """A repository in the ``src`` layout, with a script beside it, installed in place at the desk."""
        root = self.world.repository(
            name,
            pyproject__toml=f'[project]\nname = "{name}"\nversion = "1.0"\ndependencies = ["toyone<2"]\n'
            '[build-system]\nrequires = ["uv_build>=0.5"]\nbuild-backend = "uv_build"\n',
            train__py=f"import os, {name}\nprint({name}.WORDS)\n"
            f"print('in place', {name}.__file__.startswith(os.path.join(os.getcwd(), 'src')))\n",
        )
        (root / "src" / name).mkdir(parents=True)
        (root / "src" / name / "__init__.py").write_text("import toyone\nWORDS = f'over {toyone.VERSION}'\n")
        self.world.commit(root)
        self.environment(self.venv, "-e", str(root))
        return root


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def test_a_package_that_a_desk_has_in_place_runs_from_the_tree_and_again_without_an_installer(
    desk: Desk,
) -> None:
    world, root = desk.world, desk.package("mine")
    world.box()
    first = world.submit(root, "train.py")
    world.wait_for(first, "completed")
    log = world.log(first)
    assert "over 1.0\nin place True" in log
    assert "installing from the tree: ." in log

    # No installer that is started from now on could do its work.
    shutil.rmtree(desk.wheels)
    shutil.rmtree(desk.cache)
    desk.cache.write_text("no folder")
    second = world.submit(root, "train.py")
    shown = world.wait_for(second, "completed")
    log = world.log(second)
    assert "over 1.0\nin place True" in log
    assert "the tree's own packages (.) reused" in log
    assert not [word for word in INSTALLING if word in log]

    built = {row["name"]: row["built"] for row in shown["built"]["packages"]}
    assert built == {"mine": "==1.0", "toyone": "==1.0"}
    rows = [line.split() for line in world.agent("show", second, "--packages").stdout.splitlines()]
    assert ["toyone", "==1.0", "==1.0", "-"] in rows


def test_a_uv_lock_says_what_is_installed_and_is_named_when_its_project_has_moved_on(desk: Desk) -> None:
    digest = hashlib.sha256((desk.wheels / "toyone-2.0-py3-none-any.whl").read_bytes()).hexdigest()
    world = desk.world
    root = world.repository(main__py=SAY, pyproject__toml=UV_PROJECT, uv__lock=UV_LOCK.format(digest=digest))
    world.box()
    # The desk itself has another version: by default, that one is what is meant.
    recorded = world.submit(root, "main.py")
    locked = world.submit(root, "main.py", options=("--packages", "lock"))
    (root / "pyproject.toml").write_text(UV_PROJECT.replace("toyone>=1", "toyone>=2"))
    moved_on = world.submit(root, "main.py", options=("--packages", "lock"))
    world.wait_for(recorded, "completed")
    assert "toyone 1.0" in world.log(recorded)
    world.wait_for(locked, "completed")
    assert "toyone 2.0" in world.log(locked)
    assert "of uv.lock" in world.log(locked)
    message = world.wait_for(moved_on, "failed")["status_message"]
    assert "never ran (environment): uv.lock is out of step with its pyproject.toml" in message


def test_an_environment_that_a_box_has_already_is_used_by_its_path_and_by_its_owners_word(desk: Desk) -> None:
    world, made = desk.world, desk.environment(desk.world.folder / "made", "toyone==2.0")
    root = world.repository(main__py=SAY)
    task = world.submit(root, "main.py", options=("--packages", f"existing:{made}"))
    over = world.submit(root, "main.py", options=("--packages", "none", "--queue", "owned"))
    lost = world.submit(root, "main.py", options=("--packages", f"existing:{made}-not"))
    world.box()
    world.box("--packages", f"existing:{made}", queue="owned")
    for one in (task, over):
        shown = world.wait_for(one, "completed")
        assert f"toyone 2.0 in {made}" in world.log(one)
        assert shown["built"]["environment"] == ""
        assert "not built by us" in world.agent("show", one).stdout
    message = world.wait_for(lost, "failed")["status_message"]
    assert f"there is no Python environment at {made}-not on this machine" in message


class PrivateIndex(SimpleHTTPRequestHandler):
    """Folders of wheels, for those who know the password; what is called slow is never answered."""

    asked = threading.Event()
    closing = threading.Event()

    def do_GET(self) -> None:
        word = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {word}":
            self.send_error(401)
            return
        if "toyslow" in self.path:
            self.asked.set()
            self.closing.wait(60)
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def private_index(folder: Path) -> Iterator[str]:
    """Its URL, password and all."""
    PrivateIndex.asked.clear()
    PrivateIndex.closing.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(PrivateIndex, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://ada:{PASSWORD}@127.0.0.1:{server.server_port}"
    finally:
        PrivateIndex.closing.set()
        server.shutdown()
        server.server_close()


def test_the_password_of_an_owners_index_fetches_packages_and_is_seen_nowhere_and_a_build_can_be_stopped(
    desk: Desk,
) -> None:
    world, index = desk.world, desk.world.folder / "index"
    (index / "toypriv").mkdir(parents=True)
    make_wheel(index / "toypriv", "toypriv", "1.0")
    script = "import os, toypriv\nprint('toypriv', toypriv.VERSION)\n"
    script += "print(*(f'{name}={value}' for name, value in os.environ.items()))\n"
    root = world.repository(main__py=script, requirements__txt="toypriv\n")
    slow = world.repository("slow", main__py="print('never')\n", requirements__txt="toyslow\n")
    with private_index(index) as url:
        del world.settings["UV_NO_INDEX"]
        settings = {"ELSEWHERE_PACKAGES_INDEX_URL": url}
        world.settings |= settings
        box = world.box()
        for name in settings:
            del world.settings[name]
        task = world.submit(root, "main.py", options=("--packages", "requirements"))
        world.wait_for(task, "completed")
        log = world.log(task)
        assert "toypriv 1.0" in log
        assert PASSWORD not in log + world.agent("show", task, "--json").stdout + box.log.read_text()

        stopped = world.submit(slow, "main.py", options=("--packages", "requirements"))
        assert PrivateIndex.asked.wait(30)
        below = [child for one in box.supervisors() for child in one.children(recursive=True)]
        assert any("uv" in child.name() for child in below)
        assert not any(PASSWORD in word for child in below for word in child.cmdline())
        world.agent("stop", stopped)
        world.wait_for(stopped, "stopped")
        eventually(lambda: not any(map(psutil.Process.is_running, below)), 10, "the installer to end")
        assert "never\n" not in world.log(stopped)
