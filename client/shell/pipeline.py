"""The commands of a pipe or a file: several are open at the same time, their results in order.

Rules: commands that name the same key take effect in the order of their lines, one after the
other; one that is more than an operation on keys it names is run alone, when all before it are
done. After a command that the cluster could not carry out, the next waits for the answer of the one
before, until one is carried out again. What is shown is shown in the order of the lines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from kvrmi.cli import INTERRUPTED
from kvrmi.errors import KVError
from kvrmi.operations.interface import WRITES

from ..exits import EXIT_STATUS
from ..grammar.commands import Command, parse
from ..grammar.lexer import Usage, Word, split
from . import files
from .blocks import gathered
from .calls import Call, Calls
from .run import Leave, Shell

__all__ = ["Pipeline"]

_CERTAIN = EXIT_STATUS["INVALID"]
"""Greatest exit status that says nothing of the cluster."""


class _Step(NamedTuple):
    """A command that was begun: where it stands, its words, what it asks."""

    number: int
    words: list[Word]
    command: Command
    call: Call


class Pipeline:
    """Runs the commands of lines, going on after errors."""

    def __init__(
        self, shell: Shell, calls: Calls, *, at_once: int = 1, numbered: bool = False
    ) -> None:
        """`at_once`: commands that may be open at the same time.

        numbered: errors name the line in which the command begins, for those who look for it in
        a file.
        """
        self._shell = shell
        self._calls = calls
        self._most = at_once
        self._room = 1
        self._numbered = numbered
        self._steps: deque[_Step] = deque()
        self._begun = 0
        """Number of the line of the latest command that was begun."""
        self._first = 0

    def run(self, lines: Iterable[str]) -> int:
        """Run the commands of lines up to EXIT; returns the first failure's status."""
        try:
            for number, text in gathered(lines):
                if self._take(number, text) == INTERRUPTED:
                    return self._first
            self._wait(lambda: not self._steps)
        except Leave:
            pass
        except Usage as error:  # of lines that never end
            self._wait(lambda: not self._steps)
            self._note(self._shell.failed(error))
        except KeyboardInterrupt:
            if not self._steps:
                raise  # nothing is open: that is for the program
            self._interrupted()
        return self._first

    def until_readable(self, descriptor: int) -> None:
        """Show results as they arrive until a descriptor can be read."""
        while not self._calls.wait(beside=descriptor):
            self._show()

    def _take(self, number: int, text: str) -> int:
        """Begin a command, or run it alone; returns the status of one that was run alone."""
        opened = _opened(text)
        if opened is None:
            self._wait(lambda: not self._steps)
            self._begun = number
            return self._note(self._shell.run_line(text, self._where(number)))
        words, command = opened
        self._wait(lambda: not any(_must_follow(command, step.command) for step in self._steps))
        self._begun = number
        call = Call(command.name, *command.args)
        self._steps.append(_Step(number, words, command, call))
        self._calls.begin(call)
        self._wait(lambda: len(self._steps) < self._room)
        return 0

    def _wait(self, enough: Callable[[], bool]) -> None:
        """Show results as they arrive until that is true."""
        self._show()
        while not enough():
            self._calls.wait()
            self._show()

    def _show(self) -> None:
        """Show the results that are next."""
        for call in self._calls.taken():
            step = self._steps.popleft()
            status = self._shell.show(step.words, step.command, call, self._where(step.number))
            self._room = self._most if status <= _CERTAIN else 1
            self._note(status)

    def _interrupted(self) -> None:
        """Begin nothing more, and report of what is open whatever is known a moment later.

        A second Ctrl-C ends the moment, and then the printing of results.
        """
        self._first = self._first or INTERRUPTED
        impatient = False
        try:
            self._calls.settle()
        except KeyboardInterrupt:
            impatient = True
        for step in self._steps:
            where = self._where(step.number)
            if not step.call.done:
                self._shell.interrupted(step.command, step.call.progress, where)
            elif not impatient:
                try:
                    self._shell.show(step.words, step.command, step.call, where)
                except KeyboardInterrupt:
                    impatient = True
        if self._numbered:
            self._shell.stopped(f"what follows line {self._begun} was not begun")

    def _note(self, status: int) -> int:
        self._first = self._first or status
        return status

    def _where(self, number: int) -> str:
        return f"line {number}: " if self._numbered else ""


def _opened(text: str) -> tuple[list[Word], Command] | None:
    """Make a command of a line, files read; None for one that is run alone, or is wrong."""
    try:
        words = split(text)
        command = parse(words) if words else None
        if command is None or command.kind != "store" or not command.keys:
            return None
        if command.output.raw or command.output.file:
            return None
        return words, command._replace(args=files.filled(command.args))
    except KVError:
        return None


def _must_follow(command: Command, other: Command) -> bool:
    """Whether a command has to wait for another: both name a key that one of them writes."""
    writes = command.name in WRITES or other.name in WRITES
    return writes and not command.keys.isdisjoint(other.keys)
