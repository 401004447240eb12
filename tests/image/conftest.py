"""A machine with an engine, an index that is a folder of wheels, and images that have some of them."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.environment.config import PackagesConfig
from agent.environment.index import INDEX_VARIABLES
from agent.image.config import ImageConfig
from agent.image.environment import ImageEnvironment
from agent.image.environments import ImageEnvironments
from elsewhere.contract.spec import Packages
from executors.contract import Container, Mount
from executors.docker import Engine, ImageFacts

if TYPE_CHECKING:
    from docker import APIClient

SITE = "usr/local/lib/python3.11/dist-packages"


def make_wheel(folder: Path, name: str, version: str, *needs: str) -> Path:
    """Write a real wheel of one module that knows its version."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {need}\n" for need in needs),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def commit(client: APIClient, base: str, files: dict[str, bytes], name: str, env: dict[str, str]) -> str:
    """An image that is ``base`` with ``files`` put into it."""
    tag = (
        "1-"
        + hashlib.sha256(repr((base, sorted(files.items()), sorted(env.items()))).encode()).hexdigest()[:12]
    )
    if client.images(f"{name}:{tag}"):
        return f"{name}:{tag}"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    made = client.create_container(base, ["true"])["Id"]
    try:
        client.put_archive(made, "/", packed.getvalue())
        changes = [f"ENV {key}={value}" for key, value in env.items()]
        client.commit(made, repository=name, tag=tag, changes=changes)
    finally:
        client.remove_container(made)
    return f"{name}:{tag}"


@dataclass
class Machine:
    """A machine with an index of its own."""

    engine: Engine
    root: Path
    notes: list[str] = field(default_factory=list)
    config: ImageConfig = field(default_factory=lambda: ImageConfig(build_network="none"))
    packages: PackagesConfig = field(default_factory=PackagesConfig)

    @property
    def folder(self) -> Path:
        return self.root / "environments"

    @property
    def tree(self) -> Path:
        (self.root / "tree").mkdir(parents=True, exist_ok=True)
        return self.root / "tree"

    def environments(self) -> ImageEnvironments:
        return ImageEnvironments(self.folder, self.engine, self.packages, self.config)

    def find(self, image: str) -> ImageFacts:
        return self.engine.find(image, self.notes.append)

    @contextmanager
    def held(self, image: str, *requirements: str, **more: Any) -> Iterator[ImageEnvironment]:
        packages = Packages(requirements=requirements, **more)
        facts = self.find(image)
        with self.environments().held(facts, packages, self.tree, note=self.notes.append) as environment:
            yield environment

    def prepare(self, image: str, *requirements: str, **more: Any) -> ImageEnvironment:
        with self.held(image, *requirements, **more) as environment:
            return environment

    def says(self, environment: ImageEnvironment, code: str) -> list[str]:
        """What the environment's interpreter prints in a container of its image."""
        mounts = (Mount(environment.folder),) if environment.key else ()
        container = Container(environment.image.id, mounts=mounts, user="1234:1234")
        lines: list[str] = []
        argv = (str(environment.python), "-c", code)
        ended = self.engine.run(
            container, argv, environment={}, working_directory=Path("/"), note=lines.append
        )
        assert ended == 0, lines
        return lines

    def versions(self, environment: ImageEnvironment, *names: str) -> list[str]:
        return self.says(environment, "; ".join(f"import {name}; print({name}.VERSION)" for name in names))


@pytest.fixture(scope="session")
def engine(engine_url: str) -> Iterator[Engine]:
    engine = Engine(engine_url)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "toyone", "1.0")
    make_wheel(folder, "toyone", "2.0")
    make_wheel(folder, "toytwo", "1.0", "toyone")
    make_wheel(folder, "toythree", "1.0", "toyone>=2")
    # What a real index has of torch needs gigabytes beside it, which an image has in its own way.
    make_wheel(folder, "toytorch", "2.1.0", "toycublas")
    make_wheel(folder, "toycublas", "12.0")
    make_wheel(folder, "toylightning", "1.0", "toytorch", "toytwo")
    return folder


@pytest.fixture(scope="session")
def torch_image(engine_client: APIClient, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with a ``toytorch`` of its own build, which no index has, and ``toyone`` 1.0."""
    folder = tmp_path_factory.mktemp("in-image")
    files: dict[str, bytes] = {}
    for wheel in (make_wheel(folder, "toytorch", "2.1.0+cu121"), make_wheel(folder, "toyone", "1.0")):
        with zipfile.ZipFile(wheel) as archive:
            files.update({f"{SITE}/{name}": archive.read(name) for name in archive.namelist()})
    return commit(engine_client, base_image, files, "elsewhere-tests/torch", {"TOY": "1"})


@pytest.fixture(scope="session")
def pip_image(engine_client: APIClient, base_image: str) -> str:
    """An image with pip, which Debian's Python comes without."""
    from virtualenv.seed.wheels.embed import get_embed_wheel

    with zipfile.ZipFile(get_embed_wheel("pip", "3.11").path) as archive:
        files = {f"{SITE}/{name}": archive.read(name) for name in archive.namelist()}
    return commit(engine_client, base_image, files, "elsewhere-tests/pip", {})


@pytest.fixture(scope="session")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What images have said of their Python, so that not every test asks again."""
    return tmp_path_factory.mktemp("answers")


@pytest.fixture
def machine(
    engine: Engine, wheels: Path, answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    for name in INDEX_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    # An index that is a folder of the agent's machine, which containers without a network can see.
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_OFFLINE", "1")
    machine = Machine(engine, tmp_path / "machine")
    images = machine.folder / "images"
    shutil.copytree(answers, images)
    yield machine
    for answer in images.glob("*.json"):
        shutil.copy(answer, answers)


@pytest.fixture
def started(engine_url: str, engine_client: APIClient) -> Iterator[Callable[[], list[str]]]:
    """Tells the containers that were started since the last call, by what the engine itself reports."""
    import docker

    client = docker.APIClient(engine_url, version="auto")
    events = client.events(filters={"type": "container", "event": ["start", "create"]}, decode=True)
    heard: list[dict[str, Any]] = []
    more = threading.Condition()

    def listen() -> None:
        for event in events:
            with more:
                heard.append(event)
                more.notify_all()

    threading.Thread(target=listen, daemon=True).start()

    def since(image: str = "") -> list[str]:
        # What we start ourselves comes after all that came before it.
        mark = engine_client.create_container(
            _any_image(engine_client), ["true"], labels={"elsewhere.mark": "1"}
        )["Id"]
        engine_client.remove_container(mark)
        with more:
            assert more.wait_for(lambda: any(event["id"] == mark for event in heard), 20)
            found = [
                event["Actor"]["Attributes"].get("elsewhere.build", "")
                for event in heard
                if event["Action"] == "start"
            ]
            heard.clear()
        return found

    yield since
    events.close()


def _any_image(client: APIClient) -> str:
    return str(client.images()[0]["Id"])
