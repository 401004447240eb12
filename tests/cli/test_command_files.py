"""A file is a command: the folder, the help, the reference page and the completion agree."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from agent.cli._command_files import CommandFiles
from agent.cli._reference import reference

ROOT = Path(__file__).resolve().parents[2]


def leaves(commands: CommandFiles) -> list[Any]:
    found = []
    for command in commands.values():
        found += leaves(command.commands) if hasattr(command, "commands") else [command]
    return found


def test_a_new_file_is_a_new_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "toy_commands"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "_shared.py").write_text("raise SystemExit\n")
    (package / "greet.py").write_text(
        "import typer\ndef command(name: str) -> None:\n    '''Greet.'''\n    typer.echo(f'hello {name}')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    commands = CommandFiles("toy_commands")
    assert list(commands) == ["greet"]
    assert commands["greet"].help == "Greet."


def test_every_command_takes_json_and_says_what_it_does() -> None:
    commands = leaves(CommandFiles("agent.cli"))
    assert len(commands) >= 14
    for command in commands:
        assert any("--json" in param.opts for param in command.params), command.name
        assert command.help
        for param in command.params:
            assert param.help, (command.name, param.name)


def test_the_reference_page_is_current() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == reference(), "run `python -m agent.cli._reference > docs/cli.md`"


def test_asking_for_help_loads_nothing_heavy(agent: Any) -> None:
    help_page = agent("--help")
    assert help_page.returncode == 0
    for name in ("daemon", "execute", "list", "logs", "queue", "server", "show", "stop", "submit"):
        assert f"\n  {name} " in help_page.stdout
    assert agent().stdout == help_page.stdout
    lines = agent("--help", PYTHONPROFILEIMPORTTIME="1").stderr.splitlines()
    loaded = {line.rpartition("|")[2].strip() for line in lines}
    assert "typer" in loaded
    assert loaded & {"redis", "rq", "rich.console", "git", "pydantic", "asyncio", "platformdirs"} == set()


def test_importing_the_package_loads_nothing_of_others() -> None:
    import subprocess

    code = "import sys, agent.cli; print(sorted({'typer', 'rich', 'redis'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout == "[]\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_learn_to_complete(agent: Any, shell: str) -> None:
    script = agent("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert script.returncode == 0
    assert "_AGENT_COMPLETE" in script.stdout


def test_a_shell_is_told_the_commands(agent: Any) -> None:
    told = agent(_AGENT_COMPLETE="complete_bash", COMP_WORDS="agent s", COMP_CWORD="1")
    assert told.stdout.split() == ["server", "show", "stop", "submit"]


def test_the_version_is_told(agent: Any) -> None:
    from elsewhere._version import __version__

    assert agent("--version").stdout == f"elsewhere {__version__}\n"
