"""Options of ``docker run`` are understood as ``docker run`` does, or refused by name."""

from __future__ import annotations

import pytest

from elsewhere.contract.errors import LaunchError
from executors.docker import Device, Options, Ulimit, Volume, parse


def test_nothing_asked_for_is_nothing() -> None:
    assert parse(()) == Options()


def test_options_are_taken_in_each_of_their_spellings() -> None:
    assert parse(["--shm-size", "8g"]) == parse(["--shm-size=8G"]) == Options(shm_bytes=8 * 1024**3)
    assert (
        parse(["-e", "A=b=c"])
        == parse(["-eA=b=c"])
        == parse(["--env=A=b=c"])
        == Options(environment=(("A", "b=c"),))
    )
    assert parse(["-m", "1.5g", "--memory-swap", "-1"]) == Options(
        memory_bytes=3 * 512 * 1024**2, memory_swap_bytes=-1
    )
    assert parse(["--net", "none"]) == parse(["--network=none"]) == Options(network="none")
    assert parse(["-h", "box"]) == Options(hostname="box")


def test_a_flag_may_have_a_value() -> None:
    assert parse(["--privileged", "--init=true"]) == Options(privileged=True, init=True)
    assert parse(["--privileged=false"]) == Options()
    assert parse(["--privileged=1"]).privileged


def test_options_that_may_be_repeated_are_kept_in_order() -> None:
    options = parse(
        ["--cap-add", "SYS_PTRACE", "--cap-add=NET_ADMIN", "--cap-drop", "ALL", "--ulimit", "memlock=-1"]
    )
    assert options.cap_add == ("SYS_PTRACE", "NET_ADMIN")
    assert options.cap_drop == ("ALL",)
    assert options.ulimits == (Ulimit("memlock", -1, -1),)
    assert parse(["--ulimit=nofile=10:20"]).ulimits == (Ulimit("nofile", 10, 20),)
    assert parse(["--add-host", "a:10.0.0.1", "--add-host=b=::1"]).hosts == ("a:10.0.0.1", "b:::1")
    assert parse(["--security-opt", "seccomp=unconfined"]).security == ("seccomp=unconfined",)


def test_volumes_are_told_apart_by_what_they_reach() -> None:
    options = parse(
        ["-v", "/data:/in:ro,z", "-v", "name:/kept", "-v", "/nameless", "--tmpfs", "/t:size=1m",
         "--mount", "type=bind,src=/a,dst=/b,readonly,bind-propagation=rslave", "--mount=type=tmpfs,target=/m,tmpfs-size=9"]
    )  # fmt: skip
    assert options.volumes == (
        Volume("bind", "/data", "/in", writable=False, options=("z",)),
        Volume("volume", "name", "/kept"),
        Volume("volume", "", "/nameless"),
        Volume("bind", "/a", "/b", writable=False, propagation="rslave"),
        Volume("tmpfs", "", "/m", options=("size=9",)),
        Volume("tmpfs", "", "/t", options=("size=1m",)),
    )
    assert options.volumes[0].specification == "/data:/in:z,ro"


def test_devices_have_a_source_a_target_and_permissions() -> None:
    options = parse(
        ["--device", "/dev/a", "--device=/dev/b:/dev/c", "--device", "/dev/d:r", "--device", "/dev/e:/f:rw"]
    )
    assert options.devices == (
        Device("/dev/a", "/dev/a"),
        Device("/dev/b", "/dev/c"),
        Device("/dev/d", "/dev/d", "r"),
        Device("/dev/e", "/f", "rw"),
    )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--no-such", "x"], "--no-such"),
        (["--priv"], "--priv"),
        (["debian:12"], "debian:12"),
        (["--shm-size", "lots"], "--shm-size.*such as 512m"),
        (["--cpus", "0"], "--cpus.*above 0"),
        (["--cpu-shares", "x"], "--cpu-shares.*whole number"),
        (["--ulimit", "nofile"], "--ulimit.*SOFT"),
        (["-e", "SECRET"], "--env.*give SECRET a value"),
        (["--init=perhaps"], "--init.*true or false"),
        (["-v", "./here:/there"], "--volume.*must be absolute"),
        (["-v", "/a:b"], "--volume.*must be absolute"),
        (["--mount", "type=bind,src=/a,dst=/b,wrong=1"], "--mount.*wrong is not known"),
        (["--mount", "type=npipe,src=/a,dst=/b"], "--mount.*bind, volume or tmpfs"),
        (["--network"], "--network.*expected one argument"),
        (["--rm"], "--rm.*followed and removed by the agent"),
        (["--gpus=all"], "--gpus.*by the slot"),
        (["--pid=host"], "--pid.*end all of its processes"),
        (["-it"], "-it"),
        (["--entrypoint", "x"], "--entrypoint.*come from the task"),
        (["--env-file", "x"], "--env-file.*one by one"),
    ],
)
def test_what_cannot_be_taken_is_named(arguments: list[str], named: str) -> None:
    with pytest.raises(LaunchError, match=named) as refusal:
        parse(arguments)
    assert refusal.value.next_step


def test_a_refusal_never_tells_a_value_that_may_be_secret() -> None:
    for arguments in (["-e", "=hunter2"], ["--shm-size=hunter2"], ["--envv=hunter2"], ["--mount", "hunter2"]):
        with pytest.raises(LaunchError) as refusal:
            parse(arguments)
        if arguments[0] != "--mount":  # there it is the name of a part
            assert "hunter2" not in str(refusal.value)
