"""pip: the fallback where uv cannot be found or executed; it stands inside the environment."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from agent.environment.installer import Addition, Ended, Job


class Pip:
    """The installer that virtualenv carries along."""

    name = "pip"
    seeded = True

    def resolve(self, job: Job, requirements: Path, constraints: Path | None, lock: Path) -> Ended:
        """Resolve by an installation that is not carried out, and pin what it would install."""
        report = lock.with_suffix(".json")
        command = ["install", "--dry-run", "--ignore-installed", "--report", os.fspath(report)]
        command += ["--requirement", os.fspath(requirements)]
        if constraints is not None:
            command += ["--constraint", os.fspath(constraints)]
        ended = self._run(command, job)
        if ended.code == 0:
            installed = json.loads(report.read_text(encoding="utf-8"))["install"]
            lock.write_text("".join(f"{_pin(item)}\n" for item in installed), encoding="utf-8")
        report.unlink(missing_ok=True)
        return ended

    def sync(self, job: Job, lock: Path) -> Ended:
        """Install what the lock lists into the fresh environment, and nothing that it does not."""
        return self._run(["install", "--no-deps", "--requirement", os.fspath(lock)], job)

    def add(self, job: Job, addition: Addition) -> Ended:
        """Install into the environment, or by its pip elsewhere."""
        command = ["install", "--requirement", os.fspath(addition.requirements)]
        if addition.constraints is not None:
            command += ["--constraint", os.fspath(addition.constraints)]
        if addition.prefix is not None:
            # What the environment holds of the same name stays: the layer is not there to replace it.
            command += ["--ignore-installed", "--prefix", os.fspath(addition.prefix)]
        command += [] if addition.dependencies else ["--no-deps"]
        command += [] if addition.isolated else ["--no-build-isolation"]
        command += ["--require-hashes"] if addition.hashed else []
        return self._run(command, job)

    def _run(self, command: list[str], job: Job) -> Ended:
        verb, *options = command
        quiet = ["--no-color", "--progress-bar", "off"]
        return job.run([os.fspath(job.python), "-m", "pip", verb, *quiet, *options])


def _pin(item: dict[str, Any]) -> str:
    name = item["metadata"]["name"]
    if not item.get("is_direct"):
        return f"{name}=={item['metadata']['version']}"
    place = item["download_info"]
    source = place.get("vcs_info")
    url = f"{source['vcs']}+{place['url']}@{source['commit_id']}" if source else place["url"]
    return f"{name} @ {url}"
