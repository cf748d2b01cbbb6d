"""The plain prompt: lines typed at a terminal, with editing and a history that outlives the run.

Rules: the history is its owner's alone (mode 0600), and one that cannot be read or written is done
without; a line is kept as soon as it is typed, however the program ends. It knows no commands.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["Prompt"]

_KEPT = 1000
"""Lines of history."""
_LONGEST = 4096
"""Characters of a line that is kept; a longer one is data, not something to type again."""


class Prompt:
    """Reads lines from a terminal."""

    def __init__(self) -> None:
        """Recall what was typed before."""
        self._readline = _readline()
        self._file: Path | None = None
        if self._readline is not None:
            with contextlib.suppress(OSError, RuntimeError):  # a full disk, or no home
                self._file = _history_file()
                self._readline.read_history_file(self._file)

    def read(self, text: str) -> str:
        """Ask for a line. Raises EOFError at the end of the input, and KeyboardInterrupt."""
        if not sys.stdout.isatty():  # results are what goes there
            print(text, end="", file=sys.stderr, flush=True)
            text = ""
        line = input(text)
        if self._readline is not None and line.strip() and len(line) <= _LONGEST:
            self._keep(self._readline, line)
        return line

    def _keep(self, readline: ModuleType, line: str) -> None:
        readline.add_history(line)
        if self._file is not None:
            with contextlib.suppress(OSError):
                readline.append_history_file(1, self._file)


def _readline() -> ModuleType | None:
    try:
        import readline
    except ImportError:  # not every Python has it
        return None
    readline.set_auto_history(False)
    readline.set_history_length(_KEPT)
    return readline


def _history_file() -> Path:
    """Find or make the history, in XDG's folder for state. Raises OSError, RuntimeError."""
    named = os.environ.get("XDG_STATE_HOME", "")
    state = Path(named) if os.path.isabs(named) else Path.home() / ".local" / "state"
    file = state / "kvrmi" / "history"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    file.chmod(0o600)
    return file
