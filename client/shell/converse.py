"""The line editor: a prompt on a terminal until EXIT.

Rules: it is used only where stdin and stdout both are terminals, and imported only then; the
history is its owner's alone. It knows no commands.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from .run import Leave, Shell

__all__ = ["converse"]


def converse(shell: Shell, prompt: str = "kvrmi> ") -> int:
    """Show `prompt` until EXIT or the end of input; Ctrl-C drops what is being typed."""
    session: PromptSession[str] = PromptSession(history=_history())
    while True:
        try:
            shell.run_line(session.prompt(prompt))
        except KeyboardInterrupt:
            continue
        except (EOFError, Leave):
            return 0


def _history() -> History:
    """Open what was typed before; without a place for it, what is typed now."""
    with contextlib.suppress(OSError, RuntimeError):  # a full disk, or no home
        return FileHistory(_history_file())
    return InMemoryHistory()


def _history_file() -> Path:
    """Find or make the history, in XDG's folder for state. Raises OSError, RuntimeError."""
    named = os.environ.get("XDG_STATE_HOME", "")
    state = Path(named) if os.path.isabs(named) else Path.home() / ".local" / "state"
    file = state / "kvrmi" / "history"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    file.chmod(0o600)
    return file
