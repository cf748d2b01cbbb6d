"""What the programs' command lines have in common: their name, --version, errors of one line.

Rules: for the programs' mains, which import it before anything that has to be installed; where that
is missing, importing it ends the program with one line that says what to install.
It needs the standard library alone and knows no option of any program.
"""

from __future__ import annotations

from . import early  # noqa: F401, before all else

# isort: split

import argparse
import contextlib
import logging
import os
import re
import shutil
import signal
import socket
import sys
import textwrap
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from . import __version__

__all__ = [
    "INTERRUPTED",
    "USAGE",
    "Parser",
    "above_zero",
    "complain",
    "folder",
    "heard",
    "listed",
    "mute",
    "on_end",
    "paragraph",
    "reason",
    "started_as",
    "whole",
    "wholes",
]

_log = logging.getLogger("kvrmi.cli")

USAGE = 2
"""Exit status of every program for a command line that is wrong, and for a wrong environment."""
INTERRUPTED = 130
"""Exit status of a program that was ended by Ctrl-C before its work was done."""
_OURS = "KVRMI_"
"""What the environment's variables that we read begin with."""
_PYTHON = (3, 11)
_NEEDED = ("Pyro5", "serpent", "msgpack", "msgspec", "rich")
"""Top-level modules of what setup.cfg requires."""


class Parser(argparse.ArgumentParser):
    """A parser that names the program as it was started, and refuses in one line, status 2."""

    def __init__(self, description: str, *, command: str = "", **others: Any) -> None:
        """`command`: the word that chose this part of the program; `others` as argparse has.

        Paragraphs of description and epilog are broken at words; an indented line begins another.
        """
        super().__init__(
            prog=started_as(command),
            description=_filled(description),
            epilog=_filled(others.pop("epilog", "")),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **others,
        )
        # What argparse takes as it is: a script's unset variable makes it empty, and "" would count
        # as not given. `type=str` takes that, too.
        self.register("type", None, _given)
        self.register("type", Path, _path)
        self.register("type", int, _integer)
        self.add_argument("--version", action="version", version=f"kvrmi {__version__}")

    def parse_known_args(self, *words: Any, **others: Any) -> Any:
        """Read the command line; a variable of ours that is empty is refused like an option."""
        given = super().parse_known_args(*words, **others)
        empty = sorted(name for name, text in os.environ.items() if name[:6] == _OURS and not text)
        if empty:
            self.error(f"{empty[0]} is empty: unset it, or give it a value")
        return given

    def error(self, message: str) -> NoReturn:
        """Report it in one line; the usage is for --help."""
        self.exit(USAGE, _fitted(f"{self.prog}: error: {message}; see --help") + "\n")


def _filled(text: str) -> str:
    """Break the paragraphs of a text for this terminal, as argparse does with the rest."""
    paragraphs = re.split(r"\n(?=\n|  )", text)
    width = shutil.get_terminal_size().columns - 2
    filled = []
    for paragraph in paragraphs:
        start = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        inner = " " * 6 if start.endswith("  ") else ""
        line = " ".join(paragraph.split("\n")).strip()
        filled.append(
            textwrap.fill(
                line,
                width,
                initial_indent=start,
                subsequent_indent=inner,
                break_on_hyphens=False,
            )
        )
    return "\n".join(filled)


def started_as(command: str = "") -> str:
    """Name of the program as its user typed it: kvrmi-client, python -m client, run_cluster.py."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None:
        name = Path(sys.argv[0]).name or "python"
    else:
        name = f"python -m {spec.name.partition('.__main__')[0]}"
    return f"{name} {command}".rstrip()


def whole(low: int, high: int) -> Callable[[str], int]:
    """Make the type of an argument that is a whole number in this range."""

    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return read


def wholes(low: int, high: int) -> Callable[[str], list[int]]:
    """Make the type of an argument that is whole numbers in this range, with commas between."""
    read = whole(low, high)
    return lambda text: [read(part) for part in text.split(",")]


def above_zero(unit: str, high: float) -> Callable[[str], float]:
    """Make the type of an argument that is a number of `unit` ("seconds") above 0, to `high`."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not 0 < number <= high:
            why = f"{text!r} is not a number of {unit} above 0 and up to {high:g}"
            raise argparse.ArgumentTypeError(why)
        return number

    return read


def _given(text: str) -> str:
    """Take an argument that is not empty, as it is where a script's variable is not set."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def listed(text: str) -> list[str]:
    """Take an argument that lists names, "A,B,..", none of them empty."""
    names = [name.strip() for name in _given(text).split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} lists an empty name: write A,B,C")
    return names


def _path(text: str) -> Path:
    return Path(_given(text))


def _integer(text: str) -> int:
    try:
        return int(_given(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def folder(text: str) -> Path:
    """Take an argument that names a folder, which need not be there yet; a file is none."""
    _given(text)
    for one in (Path(text), *Path(text).parents):  # what stands in the way of making it, too
        if os.path.exists(one) and not os.path.isdir(one):
            raise argparse.ArgumentTypeError(f"{one} is a file, not a folder")
    return Path(text)


def complain(problem: str, command: str = "") -> None:
    """Print one line on standard error, under the program's name; harmless when nobody reads."""
    with contextlib.suppress(OSError):  # the terminal has gone
        print(_fitted(f"{started_as(command)}: {problem}"), file=sys.stderr, flush=True)


def _fitted(line: str) -> str:
    """Escape what a terminal would obey, and break at words where it would break anywhere."""
    line = "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in line)
    if not sys.stderr.isatty():
        return line
    return textwrap.fill(line, shutil.get_terminal_size().columns, break_on_hyphens=False)


def paragraph(text: str, hanging: str = "") -> str:
    """Break a text for people at words, to the width of the terminal; its own indent is kept.

    hanging: what the lines after the first are indented by besides.
    """
    inner = text.lstrip(" ")
    indent = " " * (len(text) - len(inner))
    width = shutil.get_terminal_size().columns
    return textwrap.fill(
        inner,
        width,
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_on_hyphens=False,
    )


def reason(error: OSError) -> str:
    """Say what went wrong with what, for people."""
    if not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def heard(program: Callable[[Sequence[str]], int], words: Sequence[str]) -> int:
    """Run a program that prints; its exit status, 0 where whoever read its output has gone."""
    try:
        status = program(words)
        sys.stdout.flush()
    except BrokenPipeError:
        mute()  # Python must not fail again when it flushes
        return 0
    return status


def mute() -> None:
    """Write to nobody from now on: what read the output has gone."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def on_end(act: Callable[[], None]) -> None:
    """Have `act` called when somebody asks the program to end: Ctrl-C, SIGTERM, a closed terminal.

    It is called in a thread of its own, so it may take locks that the interrupted code holds, and
    at once, also where the main thread waits. A SIGHUP that was ignored when the program started,
    by nohup, stays so; a signal that is given another handler later is that handler's alone.
    """
    signals, wake = socket.socketpair()
    wake.setblocking(False)

    def wait() -> None:
        while number := signals.recv(1):
            if signal.getsignal(number[0]) is _noted:
                _log.info("asked to end by %s", signal.Signals(number[0]).name)
                act()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    # Handlers run in the main thread, which a signal just before a wait does not wake.
    signal.set_wakeup_fd(wake.detach(), warn_on_full_buffer=False)
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if one != signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, _noted)


def _noted(number: int, frame: FrameType | None) -> None:
    """Do nothing: the signal's number is on its way to the thread."""


def _missing() -> str | None:
    if sys.version_info < _PYTHON:
        return f"this is Python {sys.version.split()[0]}, kvrmi needs 3.11 or newer"
    lacking = [name for name in _NEEDED if find_spec(name) is None]
    if lacking:
        return f"{', '.join(lacking)} not installed for {sys.executable}"
    return None


def _leave_unless_installed() -> None:
    problem = _missing()
    if problem is not None:
        complain(
            f"{problem}: use .venv/bin/python, which `make run` sets up, or run `pip install .` "
            "in kvrmi's folder with Python 3.11 or newer"
        )
        sys.exit(USAGE)


def _open_closed_streams() -> None:
    """Give a standard stream that was closed to nobody, as `mute` does; in Python it is None.

    Its number would else be the next socket's, and what writes to the stream would write there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115, as long as we run
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


_open_closed_streams()
_leave_unless_installed()
