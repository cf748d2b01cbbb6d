"""The terminal of a console: a prompt, and above it the log's lines as they come.

Rules: it runs in a thread of its own, because the main thread takes the process's signals; a
terminal that is closed ends the replica cleanly, as `e` does; after an end the terminal is as it
was. It knows no command but the one that leaves.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Sequence

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.patch_stdout import patch_stdout

from kvrmi import cli

from .commands import Leave
from .modes import Modes

__all__ = ["LogLines", "Terminal", "fit"]

_LEADS = " leads "
"""A word that every line about a leader has."""
_LEAVE = "e"
"""What the end of the input stands for, once; then it ends whatever was answered."""
JOIN_SECONDS = 1.0
"""What an end waits for a command that runs."""


class LogLines(logging.Handler):
    """Prints a log's lines above the prompt: who leads and what is urgent, or all."""

    def __init__(self) -> None:
        """Begin with who leads and what is urgent."""
        super().__init__(logging.INFO)
        self._all = False
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))

    def show(self, all: bool) -> None:
        """Show all lines from now on, or only those."""
        self._all = all

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line, where stdout is now."""
        text = self.format(record).partition("\n")[0]
        if self._all or record.levelno > logging.INFO or _LEADS in text:
            with contextlib.suppress(OSError, ValueError):  # the terminal has gone
                print(fit(text), flush=True)


def fit(line: str) -> str:
    """Break a line at words where the terminal ends."""
    return cli.paragraph(line, "    ")


class Terminal:
    """Prompts until its end; as a context manager it ends with the block."""

    def __init__(
        self,
        prompt: str,
        words: Sequence[str],
        run: Callable[[str], Iterable[str]],
        end: Callable[[], None],
    ) -> None:
        """`run` carries out a line and gives what to print, as it comes, or raises Leave.

        `end` is called then, and at the end of the input. words: what Tab completes.
        """
        self._prompt = prompt
        self._run = run
        self._end = end
        self._modes = Modes()
        self._session: PromptSession[str] = PromptSession(
            completer=WordCompleter(list(words), ignore_case=True, sentence=True),
            complete_while_typing=False,
        )
        self._closing = False
        self._ended = False
        """Whether the input ended at the last prompt: by Ctrl-D, or the terminal has gone."""
        self._thread = threading.Thread(target=self._converse, name="console", daemon=True)

    def __enter__(self) -> None:
        """Begin to prompt."""
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        self._closing = True
        app = self._session.app
        if app.is_running and app.loop is not None:
            with contextlib.suppress(RuntimeError):  # it has just ended
                app.loop.call_soon_threadsafe(self._give_up)
        self._thread.join(JOIN_SECONDS)
        self._modes.put_back()

    def _give_up(self) -> None:
        if self._session.app.is_running:
            self._session.app.exit(exception=EOFError)

    def _converse(self) -> None:
        try:
            with patch_stdout():
                while not self._closing:
                    self._once()
        except (EOFError, Leave, OSError):
            self._end()

    def _once(self) -> None:
        try:
            line = self._session.prompt(self._prompt, handle_sigint=False)
        except KeyboardInterrupt:
            return  # what was typed is dropped
        except EOFError:
            if self._closing or self._ended:
                raise
            self._ended = True
            self._say(_LEAVE)
            print("Ctrl-D again ends this server all the same", flush=True)
            return
        self._ended = False
        self._say(line)

    def _say(self, line: str) -> None:
        for text in self._run(line):
            print(text, flush=True)
