"""What an image has already of what a task needs, so that it is not installed again.

Neither uv nor a lock made by it knows of packages outside the environment that it fills. So we
judge by versions: what the image has in the recorded version is taken out of the requirements
and of every dependency on it. Whether the rest agrees with that is looked at afterwards, by what
the installed packages themselves require.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from agent.image.interpreter import ImageInterpreter


def provided(
    requirements: tuple[str, ...],
    constraints: tuple[str, ...],
    interpreter: ImageInterpreter,
    refused: frozenset[str] = frozenset(),
) -> Mapping[str, str]:
    """Canonical names and versions of what the image gives, and that must not be installed again.

    It gives a package unless a line or a constraint asks for another version: one that nobody
    recorded stays as it is, since what else is in the image was built with it.

    Args:
        requirements: lines that are asked for.
        constraints: lines that say of what version something has to be, if it is there.
        interpreter: the image's.
        refused: canonical names of what it has, but does not give.
    """
    installed = _installed(interpreter)
    asked = (*requirements, *constraints)
    other = {_name(line) for line in asked if not _satisfied(line, installed, interpreter.markers)}
    return {name: version for name, version in installed.items() if name not in other | refused}


def missing(requirements: tuple[str, ...], interpreter: ImageInterpreter) -> bool:
    """Whether the image does not have all of ``requirements``."""
    installed = _installed(interpreter)
    return not all(_satisfied(line, installed, interpreter.markers) for line in requirements)


def _installed(interpreter: ImageInterpreter) -> dict[str, str]:
    return {str(canonicalize_name(name)): version for name, version in interpreter.distributions.items()}


def disagreeing(folder: Path, provided: Mapping[str, str], markers: Mapping[str, str]) -> frozenset[str]:
    """Names in ``provided`` whose version a package installed in ``folder`` does not agree with."""
    return frozenset(
        canonicalize_name(requirement.name)
        for requirement in _required(folder)
        if canonicalize_name(requirement.name) in provided
        and _applies(requirement, markers)
        and not _holds(requirement, provided[canonicalize_name(requirement.name)])
    )


def _satisfied(line: str, installed: Mapping[str, str], markers: Mapping[str, str]) -> bool:
    try:
        requirement = Requirement(_plain(line))
    except InvalidRequirement:
        return False  # an option or a path: not ours to judge
    if not _applies(requirement, markers):
        return True
    # A place may hold anything, and what an extra adds may be missing.
    if requirement.url or requirement.extras:
        return False
    version = installed.get(canonicalize_name(requirement.name))
    return version is not None and _holds(requirement, version)


def _applies(requirement: Requirement, markers: Mapping[str, str]) -> bool:
    if requirement.marker is None:
        return True
    try:
        return requirement.marker.evaluate({**markers, "extra": ""})
    except UndefinedEnvironmentName:
        return True


def _holds(requirement: Requirement, version: str) -> bool:
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def _plain(line: str) -> str:
    """A line without its hashes: they are of files, and the image has none of those left."""
    return line.partition(" --")[0]


def _name(line: str) -> str:
    try:
        return canonicalize_name(Requirement(_plain(line)).name)
    except InvalidRequirement:
        return ""


def _required(folder: Path) -> Iterator[Requirement]:
    for metadata in folder.glob("*.dist-info/METADATA"):
        with metadata.open("rb") as file:
            lines = BytesHeaderParser().parse(file).get_all("Requires-Dist", [])
        for line in lines:
            try:
                yield Requirement(line)
            except InvalidRequirement:
                continue
