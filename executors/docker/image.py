"""Images: what the engine knows of one, and how one that is not there is fetched."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from elsewhere.contract.errors import EngineUnavailable, ImageUnavailable
from executors.docker.failure import told_as, words_of

if TYPE_CHECKING:
    from docker import APIClient

PROGRESS_SECONDS: Final = 5.0
"""Between two lines about a pull that goes on."""

_ID: Final = re.compile(r"(sha256:)?[0-9a-f]{12,64}")
_OFFLINE: Final = re.compile(
    r"dial tcp|no such host|i/o timeout|timeout exceeded|TLS handshake|connection re(fused|set)|unreachable"
    r"|pinging container registry",
    re.IGNORECASE,
)
_REFUSED: Final = re.compile(r"denied|unauthorized|authentication|forbidden|no basic auth", re.IGNORECASE)


@dataclass(frozen=True)
class ImageFacts:
    """An image that is in the engine."""

    id: str
    """Its id there, with the algorithm: ``sha256:…``."""
    name: str
    """What it was asked for by."""
    digest: str
    """``sha256:…`` of what the registry has; the id where it comes from no registry."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables that the image itself sets."""
    entrypoint: tuple[str, ...] = ()
    architecture: str = ""
    """As the engine says it, such as ``amd64``."""


def find(client: APIClient, image: str, note: Callable[[str], None]) -> ImageFacts:
    """The image of that name or id, pulled first where the engine does not have it."""
    found = inspect(client, image)
    if found is None:
        pull(client, image, note)
        found = inspect(client, image)
    if found is None:
        raise ImageUnavailable(f"the image {image} was pulled, and is not in the engine")
    return found


def inspect(client: APIClient, image: str) -> ImageFacts | None:
    """What the engine knows of the image; None where it does not have it."""
    import docker.errors

    with told_as(f"the image {image} cannot be looked up"):
        try:
            found: Mapping[str, Any] = client.inspect_image(image)  # type: ignore[no-untyped-call]
        except docker.errors.NotFound:
            return None
    settings: Mapping[str, Any] = found.get("Config") or {}
    identity = str(found["Id"])
    identity = identity if ":" in identity else f"sha256:{identity}"
    digests = sorted(str(digest).rpartition("@")[2] for digest in found.get("RepoDigests") or ())
    entrypoint = settings.get("Entrypoint") or ()
    return ImageFacts(
        id=identity,
        name=image,
        digest=digests[0] if digests else identity,
        environment=_variables(settings.get("Env") or ()),
        entrypoint=(entrypoint,) if isinstance(entrypoint, str) else tuple(entrypoint),
        architecture=str(found.get("Architecture", "")),
    )


def _variables(entries: Iterable[str]) -> Mapping[str, str]:
    parted = (entry.partition("=") for entry in entries)
    return {name: value for name, _, value in parted}


def pull(client: APIClient, image: str, note: Callable[[str], None]) -> None:
    """Ask the image's registry for it, whether the engine has one of that name or not.

    Credentials are the engine's matter: its library reads them where ``docker login`` left them.
    """
    import docker.errors
    import requests

    if _ID.fullmatch(image):
        raise ImageUnavailable(
            f"the image {image} is not in the engine any more",
            "Name it by its tag, so that it can be pulled.",
        )
    note(f"pulling the image {image}")
    try:
        _follow(image, client.pull(image, stream=True, decode=True), note)
    except docker.errors.APIError as error:
        raise _refusal(image, words_of(error)) from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise EngineUnavailable(
            f"the engine went away while it pulled {image} ({type(error).__name__})"
        ) from error
    note(f"pulled the image {image}")


def _follow(image: str, told: Iterable[Mapping[str, Any]], note: Callable[[str], None]) -> None:
    layers: dict[str, tuple[int, int]] = {}
    done: set[str] = set()
    said = time.monotonic()
    for line in told:
        if "error" in line:
            raise _refusal(image, str(line["error"]))
        layer, status = str(line.get("id", "")), str(line.get("status", ""))
        progress = line.get("progressDetail") or {}
        if status in {"Pulling fs layer", "Waiting"}:
            layers.setdefault(layer, (0, 0))
        elif status == "Downloading" and "total" in progress:
            layers[layer] = (int(progress.get("current", 0)), int(progress["total"]))
        elif status in {"Pull complete", "Already exists"}:
            layers.setdefault(layer, (0, 0))
            done.add(layer)
        if time.monotonic() - said >= PROGRESS_SECONDS:
            said = time.monotonic()
            note(_progress(image, layers, done))


def _progress(image: str, layers: Mapping[str, tuple[int, int]], done: set[str]) -> str:
    have = sum(size if layer in done else here for layer, (here, size) in layers.items())
    whole = sum(size for _, size in layers.values())
    return f"pulling {image}: {len(done)} of {len(layers)} layers, {have / 1e6:.0f} of {whole / 1e6:.0f} MB"


def _refusal(image: str, words: str) -> ImageUnavailable:
    words = " ".join(words.split())
    if _OFFLINE.search(words):
        return ImageUnavailable(
            f"the image {image} is not in the engine, and its registry cannot be reached: {words}",
            "Pull it while this machine is online, or load it: docker load -i FILE.",
        )
    if _REFUSED.search(words):
        return ImageUnavailable(
            f"the registry does not give out the image {image}: {words}",
            "Correct the name, or log the user who runs the agent in: docker login.",
        )
    return ImageUnavailable(
        f"the image {image} cannot be pulled: {words}",
        "Correct its name and tag; docker pull shows the same.",
    )
