"""Where a process stands among cgroups, and what version 2 lets it arrange there, on paper.

The folders are plain ones: what the kernel makes of them, ``test_limits`` tells.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from executors.process.cgroup import place, v2
from executors.process.cgroup.hierarchy import Refusal, quota_for
from executors.process.cgroup.place import find
from executors.process.cgroup.v1 import Version1
from executors.process.cgroup.v2 import Version2

V1_MEMORY = "32 31 0:29 {root} /cg/memory rw,relatime shared:7 - cgroup cgroup rw,memory\n"
V1_CPU = "33 31 0:30 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
V2 = "34 31 0:31 / /cg/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
DISK = "22 1 254:1 / / rw,noatime shared:1 - ext4 /dev/sda1 rw\n"

Stand = Callable[[str, str], None]


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Sets what /proc tells: the mounts, then the memberships."""

    def tell(mounts: str, memberships: str) -> None:
        for name, text in (("_MOUNTS", mounts), ("_MEMBERSHIPS", memberships)):
            (tmp_path / name).write_text(text)
            monkeypatch.setattr(place, name, tmp_path / name)

    return tell


def test_on_a_hybrid_machine_each_controller_is_used_where_it_is(stand: Stand) -> None:
    stand(DISK + V2 + V1_MEMORY.format(root="/"), "4:memory:/user/one\n0::/session\n")
    assert find("memory") == Version1(Path("/cg/memory/user/one"))
    assert find("cpu") == Version2(Path("/cg/unified/session"), Path("/cg/unified"))


def test_controllers_that_are_mounted_together_are_both_found(stand: Stand) -> None:
    stand(V1_CPU, "3:cpu,cpuacct:/\n")
    assert find("cpu") == Version1(Path("/cg/cpu,cpuacct"))


def test_a_container_finds_itself_in_the_part_that_it_sees(stand: Stand) -> None:
    stand(V1_MEMORY.format(root="/docker/a"), "4:memory:/docker/a/job\n")
    assert find("memory") == Version1(Path("/cg/memory/job"))


@pytest.mark.parametrize("elsewhere", ["/docker/b", "/../b"])
def test_a_place_that_is_out_of_sight_is_no_place(stand: Stand, elsewhere: str) -> None:
    stand(V1_MEMORY.format(root="/docker/a"), f"4:memory:{elsewhere}\n")
    with pytest.raises(Refusal, match="not to be seen below /cg/memory"):
        find("memory")


def test_a_mount_point_with_a_space_is_understood(stand: Stand) -> None:
    stand(V2.replace("/cg/unified", r"/my\040cg"), "0::/\n")
    assert find("cpu") == Version2(Path("/my cg"), Path("/my cg"))


def test_a_machine_without_the_controller_says_so(stand: Stand) -> None:
    stand(DISK + V1_CPU, "3:cpu,cpuacct:/\n")
    with pytest.raises(Refusal, match="no cgroups with the memory controller"):
        find("memory")


def test_a_quota_is_never_less_than_the_kernel_takes() -> None:
    assert [quota_for(cpus) for cpus in (0.001, 0.5, 1.5)] == [1_000, 50_000, 150_000]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cgroup on paper that offers both controllers, with one below it where the caller is."""
    monkeypatch.setattr(v2, "_SYSTEMD_RUNS", tmp_path / "no-systemd")
    folder = tmp_path / "service"
    for each in (folder, folder / "agent"):
        each.mkdir()
        (each / "cgroup.type").write_text("domain\n")
        (each / "cgroup.procs").write_text("")
    (folder / "cgroup.controllers").write_text("cpu memory\n")
    (folder / "cgroup.subtree_control").write_text("memory\n")
    return folder


def test_launches_live_beside_their_supervisor_not_in_a_cgroup_with_processes(service: Path) -> None:
    assert Version2(service / "agent", service.parent).parent() == service


def test_only_the_root_may_hold_processes_and_launches(service: Path) -> None:
    (service / "cgroup.type").unlink()
    assert Version2(service, service).parent() == service


def test_nobody_reaches_above_the_highest_cgroup_in_sight(service: Path) -> None:
    with pytest.raises(Refusal, match="sees no cgroup above its own"):
        Version2(service, service).parent()


@pytest.mark.skipif(os.geteuid() != 0, reason="for others, permissions tell")
def test_what_systemd_has_not_handed_over_is_left_alone(
    service: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v2, "_SYSTEMD_RUNS", service)
    with pytest.raises(Refusal, match=r"not handed .* over .*Delegate=yes and DelegateSubgroup="):
        Version2(service / "agent", service.parent).parent()


def test_a_controller_is_switched_on_once(service: Path) -> None:
    tree = Version2(service / "agent", service.parent)
    tree.enable("memory")
    assert (service / "cgroup.subtree_control").read_text() == "memory\n"
    tree.enable("cpu")
    assert (service / "cgroup.subtree_control").read_text().startswith("+cpu")


def test_a_controller_that_is_not_offered_is_refused(service: Path) -> None:
    (service / "cgroup.controllers").write_text("memory\n")
    with pytest.raises(Refusal, match="the cpu controller is not offered"):
        Version2(service / "agent", service.parent).enable("cpu")


def test_version_two_is_told_limits_in_its_own_words(service: Path) -> None:
    for name in ("memory.max", "memory.swap.max", "cpu.max"):
        (service / name).write_text("")
    (service / "memory.events").write_text("oom 2\noom_kill 1\n")
    tree = Version2(service / "agent", service.parent)
    tree.limit_memory(service, 1024)
    tree.limit_cpus(service, 1.5)
    told = [(service / name).read_text() for name in ("memory.max", "memory.swap.max", "cpu.max")]
    assert told == ["1024", "0", "150000 100000"]
    assert tree.oom_kills(service) == 1
