"""The interpreter of an image and what stands beside it, asked once for each image and kept on disk."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent.lock import locked
from elsewhere.contract.errors import BuildError, EngineUnavailable, ImageUnavailable, LaunchError
from executors.contract import Container, Mount
from executors.docker import Engine, ImageFacts

OLDEST: Final = (3, 10)
"""The oldest Python that the SDK runs on."""

_QUESTION: Final = Path(__file__).with_name("question.py")
_NAMES: Final = ("python3", "python")
NOT_FOUND: Final = 127
"""What a shell, and an engine, gives for a program that is not there."""


class NoPython(BuildError):
    """The image has no interpreter that a task can run on."""

    default_next_step = "Choose an image that has Python on its PATH, or add it to this one."


@dataclass(frozen=True)
class ImageInterpreter:
    """What one image's Python says of itself."""

    executable: str
    """Path inside the image, as its ``PATH`` finds it; of a virtual environment, where that has one."""
    version: str
    """In full, such as ``3.11.7``."""
    base: str
    """The interpreter that ``executable`` stands on."""
    implementation: str
    platform: str
    libc: str
    """Such as ``glibc2.36``; "" for one that does not tell, such as musl."""
    purelib: str
    """Where environments of it keep their packages, relative to their folder."""
    folders: tuple[str, ...]
    """Folders of packages that it finds, in their order."""
    distributions: Mapping[str, str] = field(default_factory=dict)
    """Version of everything that is installed in the image, by name."""
    markers: Mapping[str, str] = field(default_factory=dict)
    """What markers of requirements are judged by."""


class Interpreters:
    """The interpreters of images, by the image's id.

    Args:
        folder: where answers are kept.
        engine: where the images are.
        user: ``UID:GID`` that the question runs as.
    """

    def __init__(self, folder: Path, engine: Engine, user: str) -> None:
        self._folder = folder
        self._engine = engine
        self._user = user

    def of(self, image: ImageFacts) -> ImageInterpreter:
        """The interpreter of ``image``: known from disk, else asked in a short-lived container.

        Raises:
            NoPython: it has none, or one that is too old.
            BuildError: the engine cannot run the question.
            EngineUnavailable: the engine does not answer any more.
            ImageUnavailable: the image is not there any more.
        """
        asked = _QUESTION.read_text(encoding="utf-8")
        # The question belongs to the name: another version of us may ask for more.
        kept = self._folder / f"{_mark(image.id, asked)}.json"
        known = _read(kept)
        if known is None:
            with locked(kept.with_suffix(".lock")):
                known = _read(kept) or self._ask(image, asked, kept)
        return _checked(known, image)

    def _ask(self, image: ImageFacts, question: str, kept: Path) -> dict[str, Any]:
        draft = Path(tempfile.mkdtemp(dir=self._folder, prefix=".asking-"))
        answer = draft / "answer.json"
        try:
            said: list[str] = []
            for name in _NAMES:
                code = self._run(image, (name, "-B", "-c", question, str(answer)), draft, said)
                known = _read(answer)
                if known is not None:
                    answer.replace(kept)
                    return known
                if code == 0:
                    raise BuildError(
                        f"the engine does not see the folder {draft} of this machine",
                        "Give the agent the engine of its own machine.",
                    )
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        heard = "".join(f"\n  {line}" for line in said[-8:])
        raise NoPython(f"the image {image.name} has no Python on its PATH{heard}")

    def _run(self, image: ImageFacts, argv: tuple[str, ...], draft: Path, said: list[str]) -> int:
        container = Container(image.id, mounts=(Mount(draft, writable=True),), user=self._user)
        try:
            return self._engine.run(
                container, argv, environment={}, working_directory=Path("/"), note=said.append
            )
        except (EngineUnavailable, ImageUnavailable):
            raise
        except LaunchError as error:
            # What engines say of a program that is not there; and of all else, which is then told.
            said.append(error.what)
            return NOT_FOUND


def _mark(image: str, question: str) -> str:
    return hashlib.sha256(f"{image}\n{question}".encode()).hexdigest()[:32]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return known if isinstance(known, dict) else None


def _checked(known: dict[str, Any], image: ImageFacts) -> ImageInterpreter:
    version = str(known.get("version", ""))
    if "base" not in known:
        oldest = ".".join(map(str, OLDEST))
        raise NoPython(
            f"the image {image.name} has Python {version}, and a task needs {oldest} or newer",
            "Choose an image with a newer Python.",
        )
    return ImageInterpreter(
        executable=known["executable"],
        version=version,
        base=known["base"],
        implementation=known["implementation"],
        platform=known["platform"],
        libc=known["libc"],
        purelib=known["purelib"],
        folders=tuple(known["folders"]),
        distributions=known["distributions"],
        markers=known["markers"],
    )
