"""What was typed, across runs: a file of the user's alone, an entry a block of lines.

Rules: an entry is on its way to the disk before it is run; a file that cannot be read or written is
done without; no large value stays in it, and none is cut so that it could be run by mistake.
The format is prompt_toolkit's: "+" before each line of an entry. It knows no commands.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from prompt_toolkit.history import History

__all__ = ["Remembered", "history_file"]

WORD = 1024
"""Characters of one value that are kept."""
FILE = 2 << 20
"""Bytes that the file may reach; then its older half goes."""
_PIECE = re.compile(r"""'[^']*+'?|"(?:[^"\\]|\\.)*+"?|\s+|[^\s'"]+""", re.DOTALL)


class Remembered(History):
    """A history in a file, or in memory alone where `file` is None."""

    def __init__(self, file: Path | None) -> None:
        """Read nothing yet."""
        super().__init__()
        self._file = file

    def append_string(self, string: str) -> None:
        """Keep an entry, but for one that starts with a space."""
        if not string.startswith(" "):
            super().append_string(string)

    def load_history_strings(self) -> Iterator[str]:
        """Yield what the file holds, the newest first."""
        if self._file is not None:
            with contextlib.suppress(OSError), _opened(self._file) as handle:
                text = _newest(handle, FILE).decode("utf-8", "replace")
                yield from reversed(list(_entries(text)))

    def store_string(self, string: str) -> None:
        """Append an entry in one write, so that two shells do not mix their lines."""
        if self._file is None:
            return
        lines = "".join(f"+{line}\n" for line in cut(string).split("\n"))
        with contextlib.suppress(OSError), _opened(self._file) as handle:
            os.write(handle, f"\n{lines}".encode("utf-8", "backslashreplace"))


def history_file() -> Path | None:
    """Find or make the history, in XDG's folder for state; None where there can be none."""
    named = os.environ.get("XDG_STATE_HOME", "")
    with contextlib.suppress(OSError, RuntimeError):  # a full disk, or no home
        state = Path(named) if os.path.isabs(named) else Path.home() / ".local" / "state"
        file = state / "kvrmi" / "history"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened(file) as handle:
            os.fchmod(handle, 0o600)
        _shorten(file)
        return file
    return None


def cut(entry: str) -> str:
    """Cut the first long value; the quote left open keeps the entry from being run as it is."""
    for piece in _PIECE.finditer(entry):
        if piece.end() - piece.start() > WORD:
            end = piece.start() + WORD
            opens = "" if piece[0][0] in "'\"" else " '"
            return f"{entry[:end]}{opens} [{len(entry) - end} more characters were not kept]"
    return entry


def _entries(text: str) -> Iterator[str]:
    """Take the file's text apart into entries, the oldest first."""
    for block in re.split(r"\n(?!\+)", text):
        lines = [line.removeprefix("+") for line in block.split("\n") if line.startswith("+")]
        if lines:
            yield "\n".join(lines)


def _newest(handle: int, most: int) -> bytes:
    """Read whole entries from the end of the file, `most` bytes of them."""
    size = os.fstat(handle).st_size
    tail = os.pread(handle, most, max(0, size - most))
    return tail if size <= most else tail[tail.find(b"\n\n") + 1 :]


def _shorten(file: Path) -> None:
    """Let the older half go; a kill in between leaves entries twice, never none."""
    if file.stat().st_size > FILE:
        with file.open("r+b") as stream:
            stream.write(_newest(stream.fileno(), FILE // 2))
            stream.truncate()


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[int]:
    handle = os.open(file, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)
