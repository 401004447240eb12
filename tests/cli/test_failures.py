"""Every way to fail has a sentence, a next step and an exit code that scripts may rely on."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import pytest

from agent.cli import main
from elsewhere.contract.errors import DiskFull


def error_of(ended: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert ended.stdout == ""
    error: dict[str, str] = json.loads(ended.stderr)["error"]
    assert set(error) == {"kind", "what", "next_step"}
    return error


@pytest.mark.parametrize("command", [("list",), ("show", "abc"), ("logs", "abc"), ("workers",)])
def test_a_server_that_is_not_there_is_named_without_its_password(
    agent: Any, command: tuple[str, ...]
) -> None:
    began = time.monotonic()
    ended = agent(*command, ELSEWHERE_REDIS_URL="redis://ada:hunter2@127.0.0.1:1/0")
    assert time.monotonic() - began < 20
    assert ended.returncode == 3
    assert "redis://127.0.0.1:1" in ended.stderr
    assert "hunter2" not in ended.stderr
    assert "Start one" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_with_json_an_error_is_an_object(agent: Any) -> None:
    ended = agent("list", "--json", ELSEWHERE_REDIS_URL="redis://:hunter2@127.0.0.1:1/0")
    error = error_of(ended)
    assert ended.returncode == 3
    assert error["kind"] == "ServerUnreachable"
    assert "hunter2" not in ended.stderr
    assert error_of(agent("show", "0123", "--json"))["kind"] == "TaskNotFound"


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",), ("list", "--limt", "3"), ("list", "--limit", "many"), ("list", "--limit", "0"),
        ("show",), ("queue",), ("queue", "drain", "x"), ("submit", "--param"),
        ("daemon", "--slots", "0"), ("daemon", "--lease", "5", "--heartbeat", "4"),
        ("daemon", "--on-partition", "panic"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_exits_with_2_and_says_where_to_look(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "--" in said.err.splitlines()[1]
    assert main([*words, "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err)["error"]["kind"] == "UsageError"


@pytest.mark.parametrize(
    "words",
    [
        ("--timeout", "soon"), ("--timeout", "0s"), ("--retries", "-1"), ("--backoff", "1h30"), ("--at", "noon"),
        ("--after", "-5"), ("--after", "1h", "--at", "2030-01-31T22:00"), ("--memory-limit", "8 boxes"),
        ("--cpus", "0"),
    ],
)  # fmt: skip
def test_terms_that_cannot_be_understood_are_told_before_anything_is_done(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(AssertionError("a server was asked"), monkeypatch)
    assert main(["submit", "--json", *words, "train.py"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    error = json.loads(said.err)["error"]
    assert error["kind"] == "UsageError"
    assert words[0] in error["what"] + error["next_step"]


def test_a_setting_that_makes_no_sense_exits_with_2(agent: Any) -> None:
    assert agent("list", ELSEWHERE_REDIS_URL="http://example.org").returncode == 2
    assert agent("list", ELSEWHERE_UNTRACKED_LIMIT="much").returncode == 2


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr("elsewhere.connect.server_url", failing)


def test_what_nobody_foresaw_is_short_unless_debugging(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(ZeroDivisionError("by nought"), monkeypatch)
    assert main(["list"]) == 1
    short = capsys.readouterr().err
    assert "ZeroDivisionError: by nought" in short
    assert "ELSEWHERE_DEBUG=1" in short
    assert "Traceback" not in short
    monkeypatch.setenv("ELSEWHERE_DEBUG", "1")
    assert main(["list"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_exit_code_is_that_of_the_cause(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(DiskFull("no space is left at /x"), monkeypatch)
    assert main(["list"]) == DiskFull.exit_code
    assert capsys.readouterr().err == f"error: no space is left at /x\n{DiskFull.default_next_step}\n"


def test_a_missing_package_names_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(ModuleNotFoundError("No module named 'structlog'", name="structlog"), monkeypatch)
    assert main(["list"]) == 14
    assert "pip install 'elsewhere[agent]'" in capsys.readouterr().err


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fail_with(KeyboardInterrupt(), monkeypatch)
    assert main(["list"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_leaves_early_is_no_error(agent: Any, store: Any, new_task: Any) -> None:
    for _ in range(2):
        store.create(new_task)
    process = agent.start("list", "--json")
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141
