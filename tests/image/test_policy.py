"""What a task may ask of a container: each line here was a way out of it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent.image.choice import Choice
from agent.image.config import ImageConfig
from agent.image.name import full_name, matches
from agent.image.policy import ContainerRefused, permitted
from elsewhere.contract.errors import LaunchError

DIGEST = "sha256:" + "a" * 64

HOSTILE = [
    # Everything at once.
    ("--privileged",),
    ("--privileged=true",),
    ("--privileged=1",),
    ("--privileged", "true"),
    # This machine's namespaces.
    ("--network=host",),
    ("--network", "host"),
    ("--net=host",),
    ("--net", "host"),
    ("--network=container:redis",),
    ("--network=somebodys",),
    ("--pid=host",),
    ("--pid", "host"),
    ("--pid=container:redis",),
    ("--ipc=host",),
    ("--ipc", "container:redis"),
    ("--uts=host",),
    ("--userns=host",),
    ("--cgroupns=host",),
    ("--cgroup-parent=/",),
    # This machine's files.
    ("-v/:/host",),
    ("-v", "/:/host"),
    ("-v=/:/host",),
    ("--volume=/etc:/host:ro",),
    ("--volume", "/var/lib/secrets:/keys"),
    ("--mount=type=bind,source=/,target=/host",),
    ("--mount", "type=bind,src=/etc,dst=/host,ro"),
    ("--mount", "source=/etc,target=/host,type=bind"),
    ("--mount", "type=volume,source=/etc,target=/host"),
    ("--mount", "type=volume,target=/etc:/host"),
    ("--mount", "type=volume,source=secrets,target=/x"),
    ("--mount", "type=volume,target=/x,volume-driver=local,volume-opt=device=/"),
    ("-v", "secrets:/x"),
    ("-v", "/allowed/../etc:/x"),
    ("-v", "/allowed:/x:rshared"),
    ("-v", "/allowed/nothing:/x"),
    ("-v", "//etc:/x"),
    ("--volumes-from=redis",),
    ("--volumes-from", "redis"),
    ("-v", "/var/run/docker.sock:/var/run/docker.sock"),
    ("-v", "/run:/run"),
    ("--env-file=/etc/shadow",),
    ("--cidfile=/etc/cron.d/x",),
    # This machine's devices and kernel.
    ("--device=/dev/sda",),
    ("--device", "/dev/infiniband/../sda:/dev/sdb:rwm"),
    ("--device-cgroup-rule=a *:* rwm",),
    ("--cap-add=SYS_ADMIN",),
    ("--cap-add=ALL",),
    ("--cap-add", "cap_sys_ptrace"),
    ("--security-opt=seccomp=unconfined",),
    ("--security-opt", "apparmor:unconfined"),
    ("--security-opt=label=disable",),
    ("--sysctl=kernel.shm_rmid_forced=1",),
    ("--runtime=runc-without-limits",),
    # Who it runs as, what it is found by, what it may see.
    ("--user=0",),
    ("-u", "0:0"),
    ("--group-add=docker",),
    ("--gpus=all",),
    ("--gpus", '"device=3"'),
    ("-e", "NVIDIA_VISIBLE_DEVICES=all"),
    ("--env=ELSEWHERE_RELAY=/other",),
    ("-e", "HOME_OF_THE_AGENT"),
    ("--label=elsewhere.task=another",),
    ("-l", "Elsewhere.agent=another"),
    ("--restart=always",),
    ("--entrypoint=/bin/sh",),
    ("--name=redis",),
    ("--publish=22:22",),
    ("--nonsense",),
    ("python:3", "/bin/sh"),
]

HARMLESS = [
    ("--shm-size=8g",),
    ("--shm-size", "8g", "--ulimit", "memlock=-1", "--init"),
    ("--network=none",),
    ("--net", "bridge"),
    ("--ipc=private",),
    ("-e", "HF_HOME=/data", "--env=OMP_NUM_THREADS=4"),
    ("--tmpfs=/scratch:size=1g",),
    ("--mount=type=tmpfs,target=/scratch",),
    ("-v", "/scratch"),
    ("--memory=8g", "--cpus=2", "--pids-limit=100"),
    ("--cap-drop=ALL",),
    ("--cap-add=CHOWN",),
    ("--security-opt=no-new-privileges",),
    ("--read-only",),
    ("--privileged=false",),
    ("--add-host=db:10.0.0.1", "--dns=10.0.0.2", "--hostname=box"),
    ("--label=team=vision",),
]


def asking(*arguments: str, image: str = "python:3.11", granted: tuple[str, ...] = ()) -> Choice:
    return Choice(image, "the task", own_name=True, asked=arguments, granted=granted)


@pytest.mark.parametrize("arguments", HOSTILE, ids=" ".join)
def test_what_reaches_beyond_the_container_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(LaunchError) as raised:
        permitted(asking(*arguments), ImageConfig(allowed_mounts=(Path("/allowed"), Path("/run"))))
    assert raised.value.next_step


@pytest.mark.parametrize("arguments", HARMLESS, ids=" ".join)
def test_what_stays_inside_the_container_needs_nobodys_leave(arguments: tuple[str, ...]) -> None:
    assert permitted(asking(*arguments), ImageConfig()) == ("python:3.11", arguments)


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        (("--privileged",), {"allow_privileged": True}),
        (("--network=host",), {"allow_host_network": True}),
        (("--device=/dev/null:/dev/x",), {"allowed_arguments": ("--device=/dev/nu*",)}),
        (("--cap-add=cap_sys_ptrace",), {"allowed_arguments": ("--cap-add=SYS_PTRACE",)}),
        (("--ipc=host",), {"allowed_arguments": ("--ipc=host",)}),
        (("--network=cluster",), {"allowed_arguments": ("--network=clust*",)}),
        (("-v", "datasets:/data:ro"), {"allowed_arguments": ("--volume=datasets:/data",)}),
        (("--sysctl=net.core.somaxconn=1024",), {"allowed_arguments": ("--sysctl=net.*",)}),
    ],
)  # fmt: skip
def test_what_is_refused_can_be_allowed_and_the_message_says_by_what(
    arguments: tuple[str, ...], setting: dict[str, object]
) -> None:
    with pytest.raises(ContainerRefused) as raised:
        permitted(asking(*arguments), ImageConfig())
    assert next(iter(setting)) in raised.value.next_step
    assert permitted(asking(*arguments), ImageConfig(**setting))[1] == arguments  # type: ignore[arg-type]


def test_the_owners_options_are_not_judged_and_have_the_last_word() -> None:
    choice = asking("--network=bridge", "--shm-size=1g", granted=("--network=host", "--privileged"))
    assert permitted(choice, ImageConfig())[1] == (
        "--network=bridge", "--shm-size=1g", "--network=host", "--privileged",
    )  # fmt: skip


class TestMounts:
    @pytest.fixture
    def shared(self, tmp_path: Path) -> Path:
        (tmp_path / "shared" / "data").mkdir(parents=True)
        return Path(os.path.realpath(tmp_path)) / "shared"

    def test_a_folder_below_an_allowed_one_may_be_mounted(self, shared: Path) -> None:
        config = ImageConfig(allowed_mounts=(shared,))
        for line in (f"{shared}:/data", f"{shared}/data:/data:ro", f"{shared}/:/data"):
            assert permitted(asking("-v", line), config)
        assert permitted(asking("--mount", f"type=bind,src={shared}/data,dst=/x"), config)

    def test_its_neighbours_may_not(self, shared: Path) -> None:
        (shared.parent / "shared-keys").mkdir()
        for path in (shared.parent, shared.parent / "shared-keys"):
            with pytest.raises(ContainerRefused, match="not allowed"):
                permitted(asking("-v", f"{path}:/x"), ImageConfig(allowed_mounts=(shared,)))

    @pytest.mark.parametrize("path", ["link", "link/below", "data/../../keys", "inside"])
    def test_what_leads_elsewhere_may_not(self, shared: Path, path: str) -> None:
        (shared.parent / "keys" / "below").mkdir(parents=True)
        (shared / "link").symlink_to(shared.parent / "keys")
        (shared / "inside").symlink_to(shared / "data")
        with pytest.raises(ContainerRefused, match="leads to"):
            permitted(asking("-v", f"{shared}/{path}:/x"), ImageConfig(allowed_mounts=(shared,)))

    def test_a_setting_that_is_a_link_means_what_it_leads_to(self, shared: Path) -> None:
        link = shared.parent / "link"
        link.symlink_to(shared)
        assert permitted(asking("-v", f"{shared}/data:/x"), ImageConfig(allowed_mounts=(link,)))

    def test_the_engines_own_socket_is_never_handed_in(self, shared: Path) -> None:
        socket = shared / "data" / "engine.sock"
        socket.touch()
        config = ImageConfig(allowed_mounts=(Path("/"),), allowed_arguments=("*",))
        for path in (socket, socket.parent, shared, Path("/")):
            with pytest.raises(ContainerRefused, match="engine's socket"):
                permitted(asking("-v", f"{path}:/x"), config, f"unix://{socket}")


class TestImages:
    @pytest.mark.parametrize(
        ("name", "full"),
        [
            ("python", "docker.io/library/python:latest"),
            ("python:3.11", "docker.io/library/python:3.11"),
            ("pytorch/pytorch", "docker.io/pytorch/pytorch:latest"),
            ("docker.io/python:3", "docker.io/library/python:3"),
            ("index.docker.io/library/python:3", "docker.io/library/python:3"),
            ("localhost/mine", "localhost/mine:latest"),
            ("localhost:5000/mine:1", "localhost:5000/mine:1"),
            ("ghcr.io/team/image@" + DIGEST, "ghcr.io/team/image@" + DIGEST),
            ("python:3.11@" + DIGEST, "docker.io/library/python@" + DIGEST),
            ("deadbeef", "docker.io/library/deadbeef:latest"),
            (DIGEST, DIGEST),
        ],
    )
    def test_a_name_is_written_out_as_the_engine_reads_it(self, name: str, full: str) -> None:
        assert full_name(name) == full

    @pytest.mark.parametrize(
        "name", ["", "Python", "python:", "python@", "-v", "--privileged", "a b", "a/../b", "../a", "python:3\n",
                 "https://ghcr.io/a", "python@sha256:1", "/a", "a//b", "a:b:c"],
    )  # fmt: skip
    def test_what_is_no_name_is_refused(self, name: str) -> None:
        with pytest.raises(LaunchError, match="not the name"):
            full_name(name)

    @pytest.mark.parametrize(
        ("name", "pattern", "allowed"),
        [
            ("python:3.11", "python:3.*", True),
            ("docker.io/library/python:3.11", "python:3.*", True),
            ("python:2.7", "python:3.*", False),
            ("python", "python", True),
            ("python:3.11", "python", False),
            ("python:3.11@" + DIGEST, "python:3.*", False),
            ("python@" + DIGEST, "python@sha256:*", True),
            ("ghcr.io/team/a/b:1", "ghcr.io/team/*", True),
            ("ghcr.io/team-of-others/a", "ghcr.io/team/*", False),
            ("evil.io/ghcr.io/team/a", "ghcr.io/team/*", False),
            ("ghcr.io.evil.io/team/a", "ghcr.io/team/*", False),
            ("evil.io/library/python:3.11", "python:3.*", False),
            ("evil/python:3.11", "python:3.*", False),
            ("team/a", "team/*", True),
            ("anything", "*", True),
            ("deadbeef", "python:*", False),
            (DIGEST, "python:*", False),
            (DIGEST, DIGEST, True),
        ],
    )
    def test_a_pattern_means_whole_names(self, name: str, pattern: str, allowed: bool) -> None:
        assert matches(full_name(name), pattern) is allowed
        config = ImageConfig(allowed_images=("nothing/else", pattern))
        if allowed:
            assert permitted(asking(image=name), config)[0] == full_name(name)
        else:
            with pytest.raises(ContainerRefused, match="allowed_images"):
                permitted(asking(image=name), config)

    def test_the_owners_own_image_is_not_judged(self) -> None:
        choice = replace(asking(image="mine"), own_name=False)
        assert permitted(choice, ImageConfig(allowed_images=("python:*",)))[0] == "mine"
