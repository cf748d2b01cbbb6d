"""A prompt on a terminal until EXIT: with the line editor, or with what the terminal itself has.

Rules: it is used only where stdin is a terminal, and imported only then; where stdout is none, all
that is for the person goes to stderr, and results alone to stdout. Nothing that is shown while one
types is asked of the cluster, so that typing never waits. It knows no commands: the grammar says
what stands at the cursor, the shell runs it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import TextIO

from kvrmi import __version__
from kvrmi.columns import width

from ..grammar.commands import parse
from ..grammar.lexer import split
from ..render import Printer, escaped
from . import blocks
from .editor import Editor
from .known import Known
from .run import Leave, Shell

__all__ = ["converse"]

BANNER = f"kvrmi {__version__}: PUT key value, GET key, DELETE key, EXIT; HELP lists the rest"
_ERROR = 2
"""The least exit status of a command that was not carried out; 1 is an answer: not found."""


_LINE = 4095
"""Bytes of a line with its end; a terminal that does the editing cuts longer ones, silently."""


def converse(
    shell: Shell, known: Known, *, name: str | None = None, prompt: str | None = None
) -> int:
    """Prompt until EXIT or the end of input; Ctrl-C drops what is being typed.

    `name` is the client's, for the prompt; who gives another `prompt` has greeted already, and
    sees the name in the toolbar. Raises SystemExit at SIGTERM, the terminal as it was.
    """
    beside = Printer(as_json=False, out=sys.stderr)
    screen = sys.stdout if sys.stdout.isatty() else sys.stderr
    if prompt is None:
        Printer(as_json=False, out=screen).done(BANNER, {})
        prompt, name = f"{name or 'kvrmi'}> ", None
    read = (
        partial(_plain, prompt, screen, beside.note)
        if _is_dumb() or screen is sys.stderr
        else Editor(known, name, prompt, beside.note).read
    )
    signal.signal(signal.SIGTERM, _end)
    with known, _terminal_kept():
        while True:
            try:
                _run(shell, known, beside, read())
            except KeyboardInterrupt:
                continue
            except (EOFError, Leave):
                return 0


def _run(shell: Shell, known: Known, beside: Printer, block: str) -> None:
    """Run a block's commands in order, up to the first that fails. Raises Leave.

    Each of several is shown above its result, so that one knows whose it is.
    """
    todo = list(blocks.commands(block))
    for number, command in enumerate(todo, start=1):
        if len(todo) > 1:
            beside.aside(_short(f"> {escaped(command.strip())}", beside.columns))
        status = shell.run_line(command)
        _learn(known, command, status)
        if status >= _ERROR and number < len(todo):
            left = len(todo) - number
            beside.note(
                f"stopped here, {left} more {'line was' if left == 1 else 'lines were'} not run"
            )
            return


def _short(text: str, columns: int) -> str:
    return text if width(text) <= columns else f"{text[: columns // 2]} .."


def _learn(known: Known, line: str, status: int) -> None:
    """Keep the keys of a command for completion; not those that are not there."""
    if status >= _ERROR:
        return
    command = parse(split(line))
    if status or command.name == "delete":
        known.drop(command.keys)
    else:
        known.use(command.keys)


@contextlib.contextmanager
def _terminal_kept() -> Iterator[None]:
    """Leave the terminal's modes as they were, wherever a signal ends the line editor."""
    modes = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal is closed
            termios.tcsetattr(sys.stdin, termios.TCSANOW, modes)


def _end(number: int, frame: FrameType | None) -> None:
    """End on a signal, through whatever puts the terminal in order."""
    sys.exit(128 + number)


def _is_dumb() -> bool:
    """Whether the terminal cannot move its cursor; or does not say what it is."""
    return os.environ.get("TERM", "").lower() in ("", "dumb", "unknown")


def _plain(prompt: str, screen: TextIO, note: Callable[[str], None]) -> str:
    """Read a block with what editing the terminal itself has; raises as Editor.read."""
    block = ""
    try:
        while not block or not blocks.is_whole(block.removesuffix("\n")):
            print("... " if block else prompt, end="", file=screen, flush=True)
            line = sys.stdin.readline()
            if not line:
                raise EOFError
            block += line
            if len(line.encode("utf-8", "surrogateescape")) > _LINE:
                note(f"nothing was run: the terminal cuts lines at {_LINE:,} bytes. PUT key @file")
                block = ""
    except (EOFError, KeyboardInterrupt):
        print(file=screen)
        raise
    return block
