"""The uncommitted diff: read strictly, checked, then applied by git.

The reader knows exactly what ``git diff --binary`` writes and refuses all else. It counts the
lines of every hunk just as git does, so file content that looks like a header is content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from agent.disk import full
from agent.workspace import git
from agent.workspace.path import refuse_links, refuse_unsafe
from elsewhere.contract.errors import DiffRejected, UnsafeSource

_HUNK = re.compile(rb"@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@")
_MODE = re.compile(rb"(?:old mode|new mode|deleted file mode|new file mode) ([0-7]+)\Z")
_LINK_GONE = b"deleted file mode 120000"
_INDEX = re.compile(rb"index [0-9a-f]+\.\.[0-9a-f]+(?: ([0-7]+))?\Z")
_SIMILARITY = re.compile(rb"(?:dis)?similarity index \d{1,3}%\Z")
_MOVE = re.compile(rb"(?:rename|copy) (from|to) (.+)\Z", re.DOTALL)
_BINARY_SIZE = re.compile(rb"(?:literal|delta) \d+\Z")
_BINARY_DATA = re.compile(rb"[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]+\Z")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2}|.)", re.DOTALL)
_LETTERS = {
    b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r",
    b'"': b'"', b"\\": b"\\",
}  # fmt: skip
# Git puts a name that holds one of these into quotes; without quotes somebody else wrote it.
_ALWAYS_QUOTED = re.compile(rb'[\x00-\x1f"\\\x7f]')

_FAILED = re.compile(r"error: patch failed: (.+):(\d+)$", re.MULTILINE)
_REFUSED = re.compile(r"error: (.+): (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Change:
    """One file of the diff: its name before and after."""

    old: bytes
    new: bytes
    removes_link: bool = False
    """Whether it takes a symbolic link away. Nothing else is ever done to one."""


def apply(diff: bytes, folder: Path, commit: str) -> int:
    """Check ``diff``, apply it to the tree in ``folder``, and return the number of files changed.

    Raises:
        UnsafeSource: it would write outside the tree, through a link, or change git's own files.
        DiffRejected: it does not apply; the message names file and hunk.
        DiskFull: there is no space for it.
    """
    changes = read(diff)
    if not changes:
        return 0
    # Git takes away what goes before it writes what comes, so these are in nobody's way.
    gone = {change.old for change in changes if change.removes_link}
    names = (name for change in changes for name in (change.old, change.new))
    refuse_links(names, folder, "the diff", gone=gone)
    command = ["apply", "--binary", "--whitespace=nowarn", "-"]
    result = git.local(command, git_dir=folder / ".git", work_tree=folder, data=diff)
    if result.filled(folder):
        raise full(folder)
    if result.code != 0:
        raise DiffRejected(f"the diff does not apply to commit {commit[:10]}: {_place(result)}")
    return len(changes)


def read(diff: bytes) -> tuple[Change, ...]:
    """The changes that ``diff`` makes, every name of them checked.

    Raises:
        UnsafeSource: a name or a mode is refused, or a line is none that git would write.
    """
    if not diff:
        return ()
    lines = _Lines(diff)
    changes = []
    while not lines.ended:
        changes.append(_section(lines))
    return tuple(changes)


class _Lines:
    """The diff, read line by line."""

    def __init__(self, diff: bytes) -> None:
        self._lines = diff.split(b"\n")
        self._position = 0
        if self._lines.pop() != b"":
            raise UnsafeSource("the diff ends in the middle of a line", "Submit the task again.")

    @property
    def ended(self) -> bool:
        return self._position >= len(self._lines)

    def peek(self) -> bytes:
        """The next line, or nothing at the end."""
        return b"" if self.ended else self._lines[self._position]

    def take(self) -> bytes:
        if self.ended:
            raise UnsafeSource("the diff is cut off", "Submit the task again.")
        line = self._lines[self._position]
        self._position += 1
        return line

    def strange(self) -> UnsafeSource:
        """The error for the line that was taken last."""
        shown = self._lines[self._position - 1][:80]
        return UnsafeSource(
            f"line {self._position} of the diff is none that git writes there: {shown!r}",
            "Submit the task again.",
        )


def _section(lines: _Lines) -> Change:
    head = lines.take()
    if not head.startswith(b"diff --git "):
        raise lines.strange()
    title = head[len(b"diff --git ") :]
    moved: dict[bytes, bytes] = {}
    removes_link = False
    while not lines.ended and not lines.peek().startswith((b"diff --git ", b"--- ", b"GIT binary patch")):
        if lines.peek() == _LINK_GONE:
            removes_link = bool(lines.take())
        else:
            _extended_header(lines, moved, title)
    if removes_link and moved:
        raise lines.strange()
    change = replace(_change(lines, title, moved), removes_link=removes_link)
    for name in (change.old, change.new):
        refuse_unsafe(name, "the diff")
    if lines.peek() == b"GIT binary patch":
        lines.take()
        _binary(lines)
    elif lines.peek().startswith(b"--- "):
        _expect_name(lines, b"--- ", b"a/" + change.old)
        _expect_name(lines, b"+++ ", None if removes_link else b"b/" + change.new)
        _hunks(lines)
    return change


def _extended_header(lines: _Lines, moved: dict[bytes, bytes], title: bytes) -> None:
    line = lines.take()
    moving = _MOVE.match(line)
    if moving is not None:
        if moving[1] in moved:
            raise lines.strange()
        moved[moving[1]] = _name(moving[2], lines)
        return
    mode = _MODE.match(line) or _INDEX.match(line)
    if mode is None:
        if _SIMILARITY.match(line) is None:
            raise lines.strange()
        return
    # Regular files only: a link could lead out of the tree, and a submodule is another source.
    if mode[1] is not None and mode[1] not in (b"100644", b"100755"):
        kind = {b"120000": "a symbolic link", b"160000": "a submodule"}.get(mode[1], "no regular file")
        raise UnsafeSource(
            f"the diff changes {kind}: {title.decode('utf-8', 'replace')} (mode {mode[1].decode()})",
            "Commit that change, and submit again.",
        )


def _change(lines: _Lines, title: bytes, moved: dict[bytes, bytes]) -> Change:
    """Old and new name by the first line of a section, which the other headers must agree with."""
    if len(moved) == 1:
        raise lines.strange()
    if b'"' in title:
        first, second = _quoted_pair(title, lines)
    elif moved:
        # Names with spaces make the line ambiguous; what the headers say must give it exactly.
        first, second = b"a/" + moved[b"from"], b"b/" + moved[b"to"]
        if title != first + b" " + second:
            raise lines.strange()
    else:
        # No move: "a/NAME b/NAME", so the space in the very middle parts them.
        half = len(title) // 2
        first, second = _name(title[:half], lines), title[half + 1 :]
        if title[half : half + 1] != b" ":
            raise lines.strange()
    if not first.startswith(b"a/") or not second.startswith(b"b/"):
        raise lines.strange()
    change = Change(first[2:], second[2:])
    expected = (moved[b"from"], moved[b"to"]) if moved else (change.old, change.old)
    if (change.old, change.new) != expected:
        raise lines.strange()
    return change


def _quoted_pair(title: bytes, lines: _Lines) -> tuple[bytes, bytes]:
    if title.startswith(b'"'):
        match = _QUOTED.match(title)
        if match is None or title[match.end() : match.end() + 1] != b" ":
            raise lines.strange()
        return _name(match[0], lines), _name(title[match.end() + 1 :], lines)
    # A name without quotes holds no quote, so the first one opens the second name.
    first, _, second = title.partition(b' "')
    return _name(first, lines), _name(b'"' + second, lines)


def _name(text: bytes, lines: _Lines) -> bytes:
    """The name that git wrote as ``text``, with or without quotes."""
    if not text.startswith(b'"'):
        if not text or _ALWAYS_QUOTED.search(text):
            raise lines.strange()
        return text
    match = _QUOTED.fullmatch(text)
    if match is None:
        raise lines.strange()

    def plain(escape: re.Match[bytes]) -> bytes:
        code = escape[1]
        if len(code) == 3:
            return bytes([int(code, 8)])
        if code not in _LETTERS:
            raise lines.strange()
        return _LETTERS[code]

    return _ESCAPE.sub(plain, match[1])


def _expect_name(lines: _Lines, marker: bytes, name: bytes | None) -> None:
    line = lines.take()
    if not line.startswith(marker):
        raise lines.strange()
    text = line[len(marker) :]
    # Git ends a name that holds a space with a tab, so that readers of old see its end.
    if text.endswith(b"\t") and b" " in text:
        text = text[:-1]
    if text != b"/dev/null" and (name is None or _name(text, lines) != name):
        raise lines.strange()


def _hunks(lines: _Lines) -> None:
    while True:
        match = _HUNK.match(lines.take())
        if match is None:
            raise lines.strange()
        old, new = (1 if count is None else int(count) for count in match.groups())
        _hunk(lines, old, new)
        if not lines.peek().startswith(b"@@ "):
            return


def _hunk(lines: _Lines, old: int, new: int) -> None:
    while old > 0 or new > 0:
        line = lines.take()
        mark = line[:1]
        if mark in (b" ", b""):
            old, new = old - 1, new - 1
        elif mark == b"-":
            old -= 1
        elif mark == b"+":
            new -= 1
        elif not line.startswith(b"\\ "):
            raise lines.strange()
        if old < 0 or new < 0:
            raise lines.strange()
    if lines.peek().startswith(b"\\ "):
        lines.take()


def _binary(lines: _Lines) -> None:
    """The way forward and, where git wrote it, the way back; each ends with an empty line."""
    found = 0
    while found < 2 and (found == 0 or _BINARY_SIZE.match(lines.peek())):
        if _BINARY_SIZE.match(lines.take()) is None:
            raise lines.strange()
        while line := lines.take():
            if _BINARY_DATA.match(line) is None:
                raise lines.strange()
        found += 1


def _place(result: git.Result) -> str:
    failed = _FAILED.search(result.message)
    if failed is not None:
        return f"{failed[1]}, hunk at line {failed[2]}"
    refused = _REFUSED.search(result.message)
    return f"{refused[1]}: {refused[2]}" if refused is not None else result.reason
