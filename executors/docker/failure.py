"""What the engine's library raises, in our own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from elsewhere.contract.errors import EngineUnavailable, LaunchError


@contextmanager
def told_as(what: str) -> Iterator[None]:
    """Raise whatever the engine refuses in the block as ``LaunchError``: ``what``, then its own words.

    Raises:
        EngineUnavailable: the engine does not answer any more.
        LaunchError: it refuses.
    """
    import docker.errors
    import requests

    try:
        yield
    except docker.errors.APIError as error:
        raise LaunchError(f"{what}: {words_of(error)}") from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise EngineUnavailable(
            f"{what}: the container engine does not answer ({type(error).__name__})"
        ) from error


def words_of(error: Exception) -> str:
    """What the engine says of its refusal, on one line."""
    explanation = getattr(error, "explanation", None) or str(error)
    if isinstance(explanation, bytes):
        explanation = explanation.decode(errors="replace")
    return " ".join(explanation.split())
