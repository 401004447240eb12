"""Files: bytes and names that git would rather have otherwise."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.capture.rebuild import git

from .shape import shape

if TYPE_CHECKING:
    from tests.capture.conftest import Desk

    from .conftest import Bench


@shape
def carriage_returns_without_attributes(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write("dos.txt", b"one\r\ntwo\r\n")
    desk.write("mixed.txt", b"one\r\ntwo\n")
    desk.commit()
    desk.write("dos.txt", b"one\r\nTWO\r\nthree")
    desk.write("mixed.txt", b"one\ntwo\r\n")
    desk.write("new.txt", b"a\r\n")
    return desk


@shape
def line_ends_by_attributes(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write(".gitattributes", "* text=auto\n*.bat text eol=crlf\n*.sh text eol=lf\n*.bin -text\n")
    desk.write("a.bat", b"one\r\ntwo\r\n")
    desk.write("changed.bat", b"one\r\ntwo\r\n")
    desk.write("b.bin", b"\r\n\n\r")
    desk.write("c.txt", "c\n")
    desk.commit()
    desk.write("changed.bat", b"one\r\nTWO\r\nthree\r\n")
    desk.write("c.txt", "C\n")
    desk.write("new.bat", b"x\r\n")
    return desk


@shape
def line_ends_that_differ_from_what_attributes_say(bench: Bench) -> Desk:
    desk = bench.started()
    # Committed as they were, before anybody thought of attributes.
    desk.write("old.txt", b"one\r\ntwo\r\n")
    desk.write("old.bat", b"one\r\ntwo\r\n")
    desk.commit()
    desk.write(".gitattributes", "*.txt text\n*.bat text eol=crlf\n*.md text=auto\n")
    desk.write("lf.bat", b"one\ntwo\n")
    desk.write("crlf.txt", b"one\r\ntwo\r\n")
    desk.write("mixed.md", b"one\r\ntwo\n")
    desk.git("add", ".gitattributes", "lf.bat", "crlf.txt", "mixed.md")
    desk.git("commit", "-q", "-m", "attributes")
    desk.write("changed.md", b"one\r\n")
    desk.git("add", "changed.md")
    desk.write("changed.md", b"ONE\r\n")
    return desk


@shape
def attributes_that_no_commit_holds(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write(".gitattributes", "*.sh text eol=crlf\n")
    desk.write("a.md", "a\n")
    desk.write("b.md", "b\n")
    desk.commit()
    desk.write(".gitattributes", "*.md text eol=crlf\n")
    desk.write("sub/.gitattributes", "* text\n")
    desk.write("a.md", b"a\r\n")
    desk.write("b.md", "b\nmore\n")
    desk.write(".git/info/attributes", "*.csv text eol=crlf\n")
    desk.write("data/table.csv", b"a,b\r\n1,2\r\n")
    desk.git("add", "data/table.csv")
    return desk


@shape
def attributes_of_the_user_for_all_repositories(bench: Bench) -> Desk:
    (bench.folder / "user" / "attributes").write_text("*.csv text eol=crlf\n")
    git(bench.folder, "config", "--global", "core.attributesFile", "~/attributes")
    desk = bench.started()
    (desk.root / "data/table.csv").unlink()
    desk.git("checkout", "--", "data/table.csv")
    assert b"\r\n" in (desk.root / "data/table.csv").read_bytes()
    return desk


@shape
def a_filter_that_the_agent_does_not_have(bench: Bench) -> Desk:
    desk = bench.started()
    desk.git("config", "filter.upper.clean", "tr a-z A-Z")
    desk.git("config", "filter.upper.smudge", "tr A-Z a-z")
    desk.git("config", "filter.upper.required", "true")
    desk.write(".gitattributes", "*.secret filter=upper\n")
    desk.write("kept.secret", "kept\n")
    desk.write("changed.secret", "changed\n")
    desk.write("gone.secret", "gone\n")
    desk.commit()
    assert desk.git("show", "HEAD:kept.secret") == "KEPT"
    desk.write("changed.secret", "changed again\n")
    desk.write("new.secret", "new\n")
    desk.git("add", "new.secret")
    (desk.root / "gone.secret").unlink()
    return desk


@shape
def encodings_and_idents(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write(".gitattributes", "*.utf16 text working-tree-encoding=UTF-16LE\n*.id ident\n")
    desk.write("words.utf16", "größe\n".encode("utf-16-le"))
    desk.write("plain.id", "$Id$\n")
    desk.write("expanded.id", "$Id$ there\n")
    desk.commit()
    (desk.root / "expanded.id").unlink()
    desk.git("checkout", "--", "expanded.id")
    desk.write("changed.utf16", "neu\n".encode("utf-16-le"))
    return desk


@shape
def names_with_spaces_quotes_newlines_and_any_bytes(bench: Bench) -> Desk:
    desk = bench.started()
    names = [
        "with space.txt", "größe/日本.txt", 'quo"te\ttab.txt', "new\nline", "-dash", "[a]*?", "back\\slash",
        os.fsdecode(b"latin-\xe9"), "space at the end ",
    ]  # fmt: skip
    for name in names:
        desk.write(name, "committed\n")
    desk.commit()
    for name in names:
        desk.write(name, "edited\n")
        desk.write(f"untracked/{name}", "new\n")
    return desk


@shape
def a_configuration_that_turns_everything_the_other_way(bench: Bench) -> Desk:
    desk = bench.started()
    for key, value in {
        "diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.external": "/bin/false",
        "diff.renames": "copies", "diff.context": "0", "core.quotePath": "false", "color.ui": "always",
        "apply.whitespace": "fix", "core.autocrlf": "input", "status.showUntrackedFiles": "no",
    }.items():  # fmt: skip
        desk.git("config", "--global", key, value)
    desk.write("train.py", "print('trailing space')   \n\n\n")
    desk.git("mv", "run.sh", "ran.sh")
    desk.write("größe.txt", "neu \t\n")
    desk.git("add", "größe.txt")
    return desk


@shape
def line_ends_converted_by_the_users_configuration(bench: Bench) -> Desk:
    desk = bench.started()
    desk.git("config", "core.autocrlf", "true")
    (desk.root / "data/table.csv").unlink()
    desk.git("checkout", "--", "data/table.csv")
    desk.write("committed.txt", b"one\r\n")
    desk.commit()
    desk.write("train.py", b"print('dos')\r\n")
    return desk


@shape
def a_file_system_without_executable_bits(bench: Bench) -> Desk:
    desk = bench.started()
    desk.git("config", "core.fileMode", "false")
    for path in ("train.py", "run.sh", "data/table.csv"):
        (desk.root / path).chmod(0o644)
    desk.git("update-index", "--chmod=+x", "train.py")
    desk.write("data/table.csv", "edited\n")
    return desk
