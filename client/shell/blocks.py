"""Lines that are typed, pasted or read from a file: where one command ends and the next begins.

Rules: a command ends with its line, unless a quote is open there or a backslash ends it; however
many lines one has, it takes time in proportion to them. It knows no commands, and runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..grammar.lexer import Line, Usage, read

__all__ = ["MOST", "commands", "gathered", "is_whole", "last"]

MOST = 8 * 1024 * 1024
"""Characters after which a command that goes on in further lines is given up."""
_MAY_END = {
    "'": re.compile(r"[^']*+'"),
    '"': re.compile(r'(?:[^"\\]++|\\.)*+"'),
    "\n": re.compile(""),
}
"""How a line begins that may end what a command waits for; others are not looked at."""


def gathered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield each command as soon as its last line is there, with the number of its first line.

    The last command may be half. Raises Usage for one that is not whole after MOST characters.
    """
    began, command = 1, _Command()
    for number, line in enumerate(lines, start=1):
        command.add(line.removesuffix("\n"))
        if not command.waits:
            yield began, command.text
            began, command = number + 1, _Command()
        elif command.size > MOST:
            raise Usage(
                f"line {began}: the command that begins there does not end within "
                f"{MOST >> 20} MiB; nothing was done from there on"
            )
    if command.size:
        yield began, command.text


def commands(block: str) -> Iterator[str]:
    """Yield the commands of a block, without empty lines and comments; the last may be half."""
    return (command for command in _split(block) if any(read(command)))


def last(block: str) -> str:
    """Return the command that the block ends in, perhaps an empty one."""
    return list(_split(block))[-1]


def is_whole(block: str) -> bool:
    """Whether its last command is finished."""
    text = last(block)
    return not _waits_for(text, read(text))


def _split(block: str) -> Iterator[str]:
    return (command for _, command in gathered(block.split("\n")))


class _Command:
    """A command whose lines come one by one."""

    def __init__(self) -> None:
        """Begin without a line."""
        self.size = 0
        """Characters so far, ends of lines included."""
        self.waits = ""
        """What it waits for while it is half: its quote, or the next line."""
        self._lines: list[str] = []
        self._open: list[str] = []
        self._within = False

    @property
    def text(self) -> str:
        """All of its lines."""
        return "\n".join(self._lines)

    def add(self, line: str) -> None:
        """Take the next line, and read on from where the command was left open."""
        self.size += len(line) + 1
        self._lines.append(line)
        self._open.append(line)
        if self.waits and not _MAY_END[self.waits].match(line):
            return
        text = "\n".join(self._open)
        found = read(text, within=self._within)
        self.waits = _waits_for(text, found)
        self._open = [text[found.again :]]
        self._within = self._within or found.again > 0


def _waits_for(text: str, found: Line) -> str:
    """Return what a command waits for: its quote, or a line break; comments wait for nothing."""
    if found.open or not found.words:
        return found.open
    slashes = len(text) - len(text.rstrip("\\"))
    return "\n" if slashes % 2 else ""
