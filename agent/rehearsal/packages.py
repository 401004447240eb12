"""What an environment holds, beside what the desk has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from agent.rehearsal.finding import Finding
from elsewhere.capture.installed import canonical
from elsewhere.contract.built import Built
from elsewhere.contract.spec import Packages

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:==\s*(\S+?)|@.*)?\s*(?:;.*)?")


def compare(asked: Packages, built: Built) -> Iterator[Finding]:
    """Where the interpreter and the versions in ``built`` are not those of the desk."""
    if asked.python and built.python and built.python != asked.python.rstrip("+"):
        yield Finding("python", f"Python {built.python} instead of {asked.python}")
    desk, here = _versions(asked.freeze), _versions(built.packages)
    for name in sorted(desk.keys() & here.keys()):
        if desk[name] and here[name] and desk[name] != here[name]:
            yield Finding("package", f"{name} {here[name]} instead of {desk[name]}")
    for name in sorted(_versions(asked.requirements).keys() - here.keys()):
        yield Finding("package", f"{name}, which the script imports, is not in the environment")
    for local in asked.local:
        how = "in place" if local.editable else "as a copy"
        yield Finding("local", f"the package in {local.path} is installed from the tree, {how}")


def built_from_source(sites: Iterable[Path]) -> Iterator[Finding]:
    """The packages that no wheel was there for: their build needs time, compilers and headers."""
    for site in sites:
        for wheel in sorted(site.glob("*.dist-info/WHEEL")):
            name, _, version = wheel.parent.name.removesuffix(".dist-info").partition("-")
            # An index of packages of one project may offer such wheels, and marks their versions.
            if (wheel.parent / "uv_build.json").exists() or (
                "+" not in version and _is_of_this_machine(wheel)
            ):
                yield Finding("source", f"{canonical(name)} {version} has no wheel: it is built from source")


def _is_of_this_machine(wheel: Path) -> bool:
    """Whether its tag promises nothing for other machines, which public indexes do not accept."""
    lines = wheel.read_text(encoding="utf-8", errors="replace").splitlines()
    tags = [line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")]
    return any(tag.rpartition("-")[2].startswith("linux_") for tag in tags)


def _versions(lines: Iterable[str]) -> Mapping[str, str]:
    """Canonical names with their versions; "" for what is pinned to a place."""
    pins = (_PIN.fullmatch(line.strip()) for line in lines)
    return {canonical(pin[1]): pin[2] or "" for pin in pins if pin}
