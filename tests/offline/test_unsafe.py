"""Archives that are no session of ours: refused as a whole, with the member named, and nothing written."""

from __future__ import annotations

import json
import os
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from elsewhere.contract.errors import SessionRefused
from elsewhere.offline import shelf
from elsewhere.offline.arrival import import_session
from elsewhere.offline.recording import open_recording
from elsewhere.store.memory import MemoryStore
from tests.offline.sessions import DIFF, record

SHA = "a" * 64


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return record(tmp_path / "recorded")


def refused(path: Path, match: str, largest: int = shelf.LARGEST) -> None:
    """Refused by the import too, which leaves nothing behind: neither in the store nor beside the archive."""
    beside = sorted(path.parent.rglob("*"))
    store = MemoryStore()
    with pytest.raises(SessionRefused, match=match) as told:
        import_session(store, path, largest=largest)
    assert str(path) in told.value.what
    assert store.newest() == []
    assert sorted(path.parent.rglob("*")) == beside


def add(archive: Path, name: str, data: bytes = b"x", mode: int = stat.S_IFREG | 0o600) -> None:
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(member, data)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/cron.d/mine", "absolute path"),
        ("\\\\server\\share", "absolute path"),
        ("C:\\mine", "absolute path"),
        ("../mine", "leads out of the archive"),
        ("blobs/../../mine", "leads out of the archive"),
        ("blobs\\..\\..\\mine", "leads out of the archive"),
        ("readme.txt", "no such file"),
        ("blobs/short", "no such file"),
        (f"blobs/{SHA}/more", "no such file"),
        (f"Blobs/{SHA}", "no such file"),
        ("other/", "no such file|no plain file"),
    ],
)
def test_a_name_that_no_session_has(archive: Path, name: str, reason: str) -> None:
    add(archive, name)
    refused(archive, reason)


def test_a_name_that_ends_early_for_some_readers(archive: Path) -> None:
    """A good one for zipfile, which cuts it at the zero byte; there is more behind it."""
    add(archive, "blobs/" + "b" * 64 + "Xmore")
    archive.write_bytes(archive.read_bytes().replace(b"Xmore", b"\0more"))
    refused(archive, "no such file")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (stat.S_IFLNK, "it is a link"),
        (stat.S_IFIFO, "no plain file"),
        (stat.S_IFCHR, "no plain file"),
        (stat.S_IFBLK, "no plain file"),
        (stat.S_IFSOCK, "no plain file"),
        (stat.S_IFDIR, "no plain file"),
    ],
)
def test_a_member_that_is_no_plain_file(archive: Path, kind: int, reason: str) -> None:
    add(archive, f"blobs/{SHA}", b"/etc/passwd", kind | 0o777)
    refused(archive, reason)


def test_a_member_that_is_there_twice(archive: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        add(archive, "task.json", b"{}")
    refused(archive, "'task.json': it is there twice")


def test_more_members_than_any_session_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = record(tmp_path)
    monkeypatch.setattr(shelf, "MOST_MEMBERS", 4)
    refused(archive, "holds 5 members, over the limit of 4")


class TestBombs:
    """What is small as long as it is packed."""

    def test_one_that_says_how_large_it_is_is_not_even_begun(self, archive: Path) -> None:
        with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as opened:
            opened.writestr(f"blobs/{SHA}", bytes(50_000_000))
        assert archive.stat().st_size < 100_000
        refused(archive, rf"over the limit of 10,000,000; blobs/{SHA} alone 50,000,000", largest=10_000_000)

    def test_many_that_are_large_together_are_refused(self, archive: Path) -> None:
        with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as opened:
            for digit in "0123456789":
                opened.writestr(f"blobs/{digit * 64}", bytes(2_000_000))
        refused(archive, "over the limit of 10,000,000", largest=10_000_000)

    def test_one_that_lies_about_its_size_is_stopped_there(self, archive: Path) -> None:
        with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as opened:
            opened.writestr(f"blobs/{SHA}", bytes(50_000_000))
        data = archive.read_bytes()
        assert data.count(struct.pack("<L", 50_000_000)) == 2  # before the member, and in the list at the end
        archive.write_bytes(data.replace(struct.pack("<L", 50_000_000), struct.pack("<L", 1000)))
        refused(
            archive, f"{SHA}.* is damaged|{SHA} holds more than|{SHA} has other bytes", largest=10_000_000
        )

    def test_a_compression_that_unpacks_as_much_as_it_likes_is_refused(self, archive: Path) -> None:
        with zipfile.ZipFile(archive, "a", zipfile.ZIP_BZIP2) as opened:
            opened.writestr(f"blobs/{SHA}", bytes(1000))
        refused(archive, "compressed in a way")

    def test_an_encrypted_one_is_refused(self, archive: Path) -> None:
        data = bytearray(archive.read_bytes())
        listed = data.rindex(b"PK\x01\x02")
        data[listed + 8] |= 1
        archive.write_bytes(bytes(data))
        refused(archive, "encrypted")


class TestDamage:
    """Archives that were sessions once, and files that never were."""

    def test_no_archive(self, tmp_path: Path) -> None:
        path = tmp_path / "run.zip"
        path.write_bytes(b"no archive at all")
        refused(path, "no zip archive")

    def test_nothing(self, tmp_path: Path) -> None:
        refused(tmp_path / "missing.zip", "is not there")

    def test_somebody_elses_archive(self, tmp_path: Path) -> None:
        path = tmp_path / "run.zip"
        with zipfile.ZipFile(path, "w") as opened:
            opened.writestr("task.jsn", "{}")
        refused(path, "no such file")
        path.unlink()
        with zipfile.ZipFile(path, "w") as opened:
            opened.writestr("end.json", "{}")
        refused(path, "holds no offline session: there is no task.json in it")

    def test_wherever_it_is_cut(self, archive: Path) -> None:
        whole = archive.read_bytes()
        for length in range(0, len(whole), 97):
            archive.write_bytes(whole[:length])
            refused(archive, "no zip archive, or is not whole")

    def test_whichever_byte_is_wrong(self, archive: Path) -> None:
        """Either it is refused, or what is read is what was recorded."""
        whole = archive.read_bytes()
        with open_recording(archive) as recording:
            told = (recording.session, recording.ended, [*recording.writes()], [*recording.blobs()])
        for place in range(0, len(whole), 7):
            altered = bytearray(whole)
            altered[place] ^= 0x41
            archive.write_bytes(bytes(altered))
            try:
                with open_recording(archive) as read:
                    now = (read.session, read.ended, [*read.writes()], [*read.blobs()])
            except SessionRefused:
                continue
            assert now == told, place


class TestFolders:
    """A session that is not packed is no safer."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return record(tmp_path, ending=None)

    def altered(self, folder: Path, name: str, change: Callable[[bytes], bytes]) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    def test_a_link_is_not_followed(self, folder: Path, tmp_path: Path) -> None:
        shutil.move(folder / "task.json", tmp_path / "elsewhere.json")
        (folder / "task.json").symlink_to(tmp_path / "elsewhere.json")
        refused(folder, r"task\.json cannot be read")

    def test_a_pipe_is_not_waited_for(self, folder: Path) -> None:
        (folder / "writes.bin").unlink()
        os.mkfifo(folder / "writes.bin")
        refused(folder, r"writes\.bin is no plain file")

    def test_what_lies_beside_it_is_passed_over(self, folder: Path) -> None:
        (folder / "task.json.part").write_text("half")
        (folder / "blobs" / "half.part").write_text("half")
        assert import_session(MemoryStore(), folder) == folder.name

    def test_a_blob_with_other_bytes(self, folder: Path) -> None:
        name = next(path.name for path in (folder / "blobs").iterdir() if path.read_bytes() == DIFF)
        self.altered(folder, f"blobs/{name}", lambda data: data.replace(b"train", b"other"))
        refused(folder, f"blobs/{name} has other bytes")

    def test_a_blob_that_is_missing(self, folder: Path) -> None:
        path = next((folder / "blobs").iterdir())
        path.unlink()
        refused(folder, f"is missing: blobs/{path.name}")

    @pytest.mark.parametrize(
        ("text", "match"),
        [
            (b"", "task.json cannot be read: Session: not JSON"),
            (b"[" * 100_000, "task.json cannot be read: Session: not JSON"),
            (b"\xff\xfe", "task.json cannot be read: Session: not JSON"),
            (b"[]", "no schema version"),
            (b'{"schema": 99, "Session": {}}', "schema version 99"),
            (b'{"schema": 1, "Session": {}}', r"Session\.id: missing"),
        ],
    )
    def test_a_task_that_is_none(self, folder: Path, text: bytes, match: str) -> None:
        self.altered(folder, "task.json", lambda _: text)
        refused(folder, match)

    def test_an_id_that_no_task_can_have(self, folder: Path) -> None:
        def other(data: bytes) -> bytes:
            stored = json.loads(data)
            stored["Session"]["id"] = "../../etc"
            return json.dumps(stored).encode()

        self.altered(folder, "task.json", other)
        refused(folder, "'../../etc' is no id")

    def test_an_end_that_is_none(self, folder: Path) -> None:
        end = {"ending": {"status": "queued"}, "time": 1.0, "written": 0}
        (folder / "end.json").write_text(json.dumps({"schema": 1, "Ended": end}))
        refused(folder, "no run ends as queued")

    def test_writes_that_were_there_when_it_ended(self, folder: Path) -> None:
        written = (folder / "writes.bin").stat().st_size
        end = {"ending": {"status": "completed"}, "time": 1.0, "written": written}
        (folder / "end.json").write_text(json.dumps({"schema": 1, "Ended": end}))
        self.altered(folder, "writes.bin", lambda data: data[:-1])
        refused(folder, r"writes\.bin is damaged: [\d,]+ bytes are missing")
        (folder / "writes.bin").unlink()
        refused(folder, r"writes\.bin is damaged: [\d,]+ bytes are missing")

    def test_a_write_of_a_newer_version(self, tmp_path: Path) -> None:
        from elsewhere.offline.frames import FrameFile

        folder = record(tmp_path, ending=None)
        FrameFile(folder / "writes.bin").append([b"Sung\n{}\n"])
        refused(folder, "write 11 of writes.bin cannot be read: a write of an unknown kind")
