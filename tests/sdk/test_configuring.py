"""Configurations: what a script keeps at a desk is what it gets in an attempt."""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
import textwrap
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from elsewhere import bound
from elsewhere.contract.errors import (
    MissingDependency,
    ParameterError,
    RelayClosed,
    ServerUnreachable,
    UsageError,
)
from elsewhere.contract.write import LONGEST_CONFIGURATION, ConfigurationSet
from elsewhere.store.memory import MemoryStore
from elsewhere.store.relay import RelayStore
from elsewhere.stored import Stored
from elsewhere.task import Task
from tests.parameters.desk import Desk
from tests.sdk.relayed import new_task, relayed


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def task(store: MemoryStore) -> Task:
    """A task that somebody looked up: it keeps what it is given as a desk does."""
    return Task(Stored(store, store.create(new_task()).id))


class TestAtADesk:
    """What is kept."""

    def test_the_very_same_object_comes_back_and_its_text_can_be_edited(self, task: Task) -> None:
        own = {"lr": 0.1, "layers": [1, None, {"ä": True}], "empty": {}}
        assert task.connect_configuration(own) is own
        text = task.get_configuration_object("General")
        assert text is not None
        assert text.splitlines()[:3] == ["{", '  "lr": 0.1,', '  "layers": [']
        assert '"ä": true' in text
        assert json.loads(text) == own
        steps = [1, {"a": 2}]
        assert task.connect_configuration(steps, "steps", "of the run") is steps
        assert task.get_configuration_object_as_dict("steps") == steps
        assert task.get_configuration_objects() == {
            "General": text,
            "steps": task.get_configuration_object("steps"),
        }
        kept = task._place.configuration("steps")
        assert kept is not None
        assert (kept.suffix, kept.description) == (".json", "of the run")

    def test_the_very_same_path_comes_back_and_its_bytes_are_kept(self, task: Task, tmp_path: Path) -> None:
        path = tmp_path / "model.v2.yaml"
        path.write_bytes(b"\xef\xbb\xbflr: 0.1\r\n\xff\x00")
        for given_path in (path, str(path)):
            assert task.connect_configuration(given_path, "model") is given_path
        kept = task._place.configuration("model")
        assert kept == ConfigurationSet("model", path.read_bytes(), ".yaml")
        text = task.get_configuration_object("model")
        assert text is not None
        assert text.encode("utf-8", "surrogateescape") == path.read_bytes()

    def test_a_second_one_of_that_name_takes_the_place_of_the_first_which_is_told(
        self, task: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "b").write_text("b")
        own = {"a": 1}
        task.connect_configuration(own, description="one")
        own["a"] = 2
        task.connect_configuration(own)
        assert capsys.readouterr().err == ""
        assert task.get_configuration_object_as_dict("General") == {"a": 2}
        task.connect_configuration(tmp_path / "b")
        assert "a second configuration is named 'General'" in capsys.readouterr().err
        assert task._place.configuration("General") == ConfigurationSet("General", b"b", "")
        assert list(task.get_configuration_objects()) == ["General"]

    @pytest.mark.parametrize(
        ("value", "where"),
        [
            ({"model": {"layers": [1, {2, 3}]}}, "General.model.layers[1]: a set"),
            ([numpy.zeros(2)], "General[0]: a ndarray"),
            ({"a": {(1, 2): 3}}, "General.a: the key (1, 2)"),
            ({"a": {True: 3}}, "General.a: the key True"),
            ({"a": {1: 3, "1": 4}}, "General.a: there are two keys '1'"),
            ({"a": object}, "General.a: a type"),
            ({"a": [b"x"]}, "General.a[0]: a bytes"),
        ],
    )
    def test_what_cannot_be_kept_is_named_by_its_place(self, task: Task, value: Any, where: str) -> None:
        with pytest.raises(UsageError) as refusal:
            task.connect_configuration(value)
        assert refusal.value.what.startswith(where)
        assert task.get_configuration_objects() == {}

    def test_a_value_that_holds_itself_is_refused(self, task: Task) -> None:
        own: dict[str, Any] = {}
        own["own"] = own
        with pytest.raises(UsageError, match="holds itself"):
            task.connect_configuration(own)

    def test_a_file_that_cannot_be_read_is_named(self, task: Task, tmp_path: Path) -> None:
        for path in (tmp_path / "missing.yaml", tmp_path, "", "a\0b"):
            with pytest.raises(UsageError, match="configuration file"):
                task.connect_configuration(path)
        assert task.get_configuration_objects() == {}

    def test_what_is_too_large_is_refused_and_what_just_fits_is_kept(
        self, task: Task, tmp_path: Path
    ) -> None:
        path = tmp_path / "large.bin"
        path.write_bytes(b"x" * LONGEST_CONFIGURATION)
        task.connect_configuration(path)
        kept = task._place.configuration("General")
        assert kept is not None
        assert len(kept.data) == LONGEST_CONFIGURATION
        path.write_bytes(b"x" * (LONGEST_CONFIGURATION + 1))
        with pytest.raises(UsageError, match="8,388,609 bytes"):
            task.connect_configuration(path)
        with pytest.raises(UsageError, match="over the limit"):
            task.connect_configuration(["x" * LONGEST_CONFIGURATION])
        with pytest.raises(UsageError, match="over the limit"):
            task.set_configuration_object("x", "x" * (LONGEST_CONFIGURATION + 1))
        assert task._place.configuration("General") == kept

    @pytest.mark.parametrize("strange", [None, 3, b"path", (1, 2), OrderedDict().items()])
    def test_what_is_no_configuration_is_refused(self, task: Task, strange: Any) -> None:
        with pytest.raises(UsageError, match="'General' is a"):
            task.connect_configuration(strange)

    @pytest.mark.parametrize("name", ["", "  ", "a\nb", 7])
    def test_a_name_is_a_line_of_text(self, task: Task, name: Any) -> None:
        with pytest.raises(UsageError, match="cannot be named"):
            task.connect_configuration({}, name)
        with pytest.raises(UsageError, match="cannot be named"):
            task.set_configuration_object(name, "x")

    def test_a_real_run_keeps_its_own(self, desk: Desk, valkey_url: str) -> None:
        script = """
            import json
            from elsewhere import Task
            task = Task.init(project_name="digits", task_name="svm")
            own = {"lr": 0.1, "betas": (0.9, 0.99)}
            same = task.connect_configuration(own) is own
            again = task.get_configuration_object_as_dict("General")
            task.delete_configuration("General")
            print(json.dumps([same, own["betas"].__class__.__name__, again, task.get_configuration_objects()]))
            """
        ran = desk.run(textwrap.dedent(script), ELSEWHERE_REDIS_URL=valkey_url)
        assert ran.said == [True, "tuple", {"lr": 0.1, "betas": [0.9, 0.99]}, {}]


class TestByHand:
    """``set_configuration_object`` and its like, on any task."""

    def test_texts_and_dicts_are_set_and_dropped(self, task: Task) -> None:
        assert task.get_configuration_object("model") is None
        assert task.get_configuration_object_as_dict("model") is None
        task.set_configuration_object("model", "lr: 0.1\r\n", "the model", "yaml")
        assert task.get_configuration_object("model") == "lr: 0.1\r\n"
        assert task.get_configuration_object_as_dict("model") == {"lr": 0.1}
        task.set_configuration_object("model", "lr: 0.2")
        kept = task._place.configuration("model")
        assert kept == ConfigurationSet("model", b"lr: 0.2", ".yaml", "the model")
        task.set_configuration_object("model", config_dict={"lr": 0.3}, description="")
        kept = task._place.configuration("model")
        assert kept is not None
        assert (kept.suffix, kept.description) == (".json", "")
        assert task.get_configuration_object_as_dict("model") == {"lr": 0.3}
        task.set_configuration_object("model", config_dict=[], config_type="dictionary")
        assert task.get_configuration_object_as_dict("model") == []
        task.delete_configuration("model")
        task.delete_configuration("model")
        assert task.get_configuration_objects() == {}
        task.set_configuration_object("empty", "")
        assert task.get_configuration_object("empty") == ""

    def test_text_or_dict_is_needed_and_one_only(self, task: Task) -> None:
        for words in ({}, {"config_text": "", "config_dict": {}}):
            with pytest.raises(UsageError, match="by one of them only"):
                task.set_configuration_object("x", **words)
        for strange in ({"config_text": b"x"}, {"config_dict": "x"}):
            with pytest.raises(UsageError, match="cannot be set by a"):
                task.set_configuration_object("x", **strange)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="no Unicode"):
            task.set_configuration_object("x", "\ud800")

    def test_formats_are_read_where_something_reads_them(
        self, task: Task, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task.set_configuration_object("toml", "[a]\nb = 1", config_type="toml")
        task.set_configuration_object("yaml", "\ufeff- 1\n- {a: b}", config_type=".yml")
        task.set_configuration_object("json", "\ufeff[1, NaN]", config_type="file")
        if sys.version_info >= (3, 11):
            assert task.get_configuration_object_as_dict("toml") == {"a": {"b": 1}}
        assert task.get_configuration_object_as_dict("yaml") == [1, {"a": "b"}]
        assert str(task.get_configuration_object_as_dict("json")) == "[1, nan]"
        for module in ("yaml", "tomllib", "tomli"):
            monkeypatch.setitem(sys.modules, module, None)
        for name, package in (("yaml", "pyyaml"), ("toml", "tomli")):
            with pytest.raises(MissingDependency, match=f"Install {package}"):
                task.get_configuration_object_as_dict(name)

    @pytest.mark.parametrize(
        ("text", "suffix"),
        [
            ("{", "json"),
            ("", "json"),
            ("3", "json"),
            ("a: b: c", "yaml"),
            ("text", "yaml"),
            ("!!python/object/apply:os.getpid []", "yaml"),
            ("a", "toml"),
            ("[" * 100_000, "json"),
            ("\udcff", "json"),
        ],
    )
    def test_what_cannot_be_understood_is_named(self, task: Task, text: str, suffix: str) -> None:
        task.set_configuration_object("model", text, config_type=suffix)
        with pytest.raises(ParameterError, match="'model'"):
            task.get_configuration_object_as_dict("model")


class TestInAnAttempt:
    """What the task holds is laid over what the script has."""

    def test_the_script_s_own_dict_and_list_are_filled_with_what_is_kept(
        self, task: Task, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task.set_configuration_object("General", config_dict={"lr": 0.5, "new": None})
        task.set_configuration_object("steps", config_dict=[3])
        with relayed(monkeypatch, store, task.id) as attempt:
            own, steps = OrderedDict(lr=0.1, old=1), [1, 2]
            assert attempt.task.connect_configuration(own) is own
            assert attempt.task.connect_configuration(steps, "steps") is steps
            assert (dict(own), steps) == ({"lr": 0.5, "new": None}, [3])
            again = {"lr": 0.1}
            assert attempt.task.connect_configuration(again, "General") == {"lr": 0.5, "new": None}
            with pytest.raises(ParameterError, match="holds a dict, and the script has a list"):
                attempt.task.connect_configuration([])
            assert attempt.journal.last == 0

    def test_a_path_is_that_of_a_private_file_with_the_bytes_that_are_kept(
        self, task: Task, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        data = b"\xff\x00lr: 0.5\r\n"
        task._place.write(ConfigurationSet("model", data, ".txt"))
        with relayed(monkeypatch, store, task.id) as attempt:
            for own in ("gone/model.v2.yaml", Path("gone/model.v2.yaml")):
                got = attempt.task.connect_configuration(own, "model")
                assert type(got) is type(own)
                assert Path(got).name == "model.v2.yaml"
                assert Path(got).read_bytes() == data
                assert stat.S_IMODE(Path(got).parent.stat().st_mode) == 0o700

    def test_where_nothing_is_kept_the_script_s_own_is(
        self, task: Task, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        path = tmp_path / "m.toml"
        path.write_text("a = 1")
        with relayed(monkeypatch, store, task.id) as attempt:
            first, second = {"a": 1}, {"b": 2}
            assert attempt.task.connect_configuration(first) is first
            assert attempt.task.connect_configuration(second) is second
            assert (first, second) == ({"a": 1}, {"b": 2})
            assert attempt.task.connect_configuration(path, "file") is path
            assert attempt.task.get_configuration_object_as_dict("General") == {"b": 2}
            assert list(attempt.task.get_configuration_objects()) == ["General", "file"]
            attempt.task.delete_configuration("file")
            assert list(attempt.task.get_configuration_objects()) == ["General"]
            attempt.arrived()
        assert task.get_configuration_object_as_dict("General") == {"b": 2}
        assert list(task.get_configuration_objects()) == ["General"]

    def test_what_is_kept_can_be_ignored(
        self, task: Task, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task.set_configuration_object("General", config_dict={"lr": 0.5})
        with relayed(monkeypatch, store, task.id) as attempt:
            own = {"lr": 0.1}
            assert attempt.task.connect_configuration(own, ignore_remote_overrides=True) is own
            attempt.arrived()
        assert own == {"lr": 0.1} == task.get_configuration_object_as_dict("General")

    def test_a_real_script_s_files_are_gone_when_it_has_ended_and_not_before(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        script = """
            import json, os, sys
            from elsewhere import Task
            task = Task.init(project_name="digits", task_name="svm")
            task.set_configuration_object("model", "lr: 0.5", config_type="yaml")
            path = task.connect_configuration("gone.yaml", "model")
            if os.fork() == 0:
                sys.exit(0)
            os.wait()
            third_party = sorted({"yaml", "redis", "numpy"} & set(sys.modules))
            print(json.dumps([path, open(path).read(), third_party]))
            """
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        path, text, third_party = desk.attempt(textwrap.dedent(script), TMPDIR=str(temporary)).said
        assert (Path(path).name, text, third_party) == ("gone.yaml", "lr: 0.5", [])
        assert Path(path).is_relative_to(temporary)
        assert list(temporary.iterdir()) == []


class Away(MemoryStore):
    """A store whose server does not answer some questions."""

    silent = 0

    def configuration(self, task_id: str, name: str) -> Any:
        self._answer()
        return super().configuration(task_id, name)

    def configurations(self, task_id: str) -> Any:
        self._answer()
        return super().configurations(task_id)

    def _answer(self) -> None:
        if self.silent:
            self.silent -= 1
            raise ServerUnreachable("no server")


class TestWhileTheServerIsAway:
    """In an attempt, nobody knows then what the task holds."""

    @pytest.fixture
    def away(self) -> Away:
        return Away()

    def test_it_is_waited_for(self, away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
        kept = Task(Stored(away, away.create(new_task()).id))
        kept.set_configuration_object("General", config_dict={"lr": 0.5})
        with relayed(monkeypatch, away, kept.id) as attempt:
            away.silent = 2
            assert attempt.task.connect_configuration({"lr": 0.1}) == {"lr": 0.5}
            away.silent = 1
            assert list(attempt.task.get_configuration_objects()) == ["General"]

    def test_a_supervisor_that_waits_for_it_is_waited_for_too_but_none_that_is_gone(
        self, away: Away, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked, answered = threading.Event(), threading.Event()

        def slow(task_id: str) -> Any:
            if not asked.is_set():
                asked.set()
                answered.wait(60)
            return {}

        monkeypatch.setattr(away, "configurations", slow)
        with relayed(monkeypatch, away, away.create(new_task()).id) as attempt:
            end = RelayStore(os.environ["ELSEWHERE_RELAY"], timeout=0.2)
            monkeypatch.setattr(bound, "_relay", end)
            later = threading.Timer(1.0, answered.set)
            later.start()
            assert attempt.task.get_configuration_objects() == {}
            later.join()
            monkeypatch.setattr(bound, "_relay", RelayStore(os.environ["ELSEWHERE_RELAY"] + "-gone"))
            with pytest.raises(RelayClosed):
                attempt.task.get_configuration_objects()
            end.close()

    def test_but_not_for_ever_and_the_script_does_not_go_on_with_its_own(
        self, away: Away, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[Callable[[Task], Any]] = [
            lambda task: task.connect_configuration({"lr": 0.1}),
            lambda task: task.connect_configuration("gone.yaml"),
            lambda task: task.get_configuration_object("General"),
            lambda task: task.get_configuration_objects(),
        ]
        monkeypatch.setattr(bound, "PATIENCE_SECONDS", 0.01)
        with relayed(monkeypatch, away, away.create(new_task()).id) as attempt:
            away.silent = sys.maxsize
            for call in calls:
                with pytest.raises(ServerUnreachable):
                    call(attempt.task)
            assert attempt.journal.last == 0

    def test_what_the_script_says_itself_is_kept_and_known(
        self, away: Away, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bound, "PATIENCE_SECONDS", 0.01)
        with relayed(monkeypatch, away, away.create(new_task()).id) as attempt:
            away.silent = sys.maxsize
            attempt.task.set_configuration_object("a", "1", "", "json")
            assert attempt.task.get_configuration_object("a") == "1"
            attempt.task.delete_configuration("a")
            assert attempt.task.get_configuration_object("a") is None
            attempt.task.connect_configuration([1], "b", ignore_remote_overrides=True)
            attempt.arrived()
            away.silent = 0
        assert list(away.configurations(attempt.record.id)) == ["b"]


def test_a_private_folder_is_made_only_when_it_is_needed(
    task: Task, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with relayed(monkeypatch, store, task.id) as attempt:
        before = set(tmp_path.iterdir())
        attempt.task.connect_configuration({})
        assert set(tmp_path.iterdir()) == before
