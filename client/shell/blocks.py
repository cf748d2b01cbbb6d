"""What is typed or pasted as several lines: where one command ends and the next begins.

Rule: a command ends with its line, unless a quote is open there or a backslash ends it. It knows no
commands, and runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..grammar.lexer import read

__all__ = ["commands", "is_whole", "last"]


def commands(block: str) -> Iterator[str]:
    """Yield the commands of a block, without empty lines and comments; the last may be half."""
    return (command for command in _split(block) if any(read(command)))


def last(block: str) -> str:
    """Return the command that the block ends in, perhaps an empty one."""
    return list(_split(block))[-1]


def is_whole(block: str) -> bool:
    """Whether its last command is finished."""
    return not _waits_for(last(block))


def _split(block: str) -> Iterator[str]:
    start = 0
    while (end := _end(block, start)) < len(block):
        yield block[start:end]
        start = end + 1
    yield block[start:]


def _end(block: str, start: int) -> int:
    """Find the end of the line that ends the command, or of the block."""
    end = _line_end(block, start)
    while end < len(block) and (waits := _waits_for(block[start:end])):
        # Lines without that quote cannot end it, and are not looked at one by one.
        again = end + 1 if waits == "\n" else block.find(waits, end + 1)
        end = _line_end(block, again) if again >= 0 else len(block)
    return end


def _line_end(block: str, at: int) -> int:
    end = block.find("\n", at)
    return len(block) if end < 0 else end


def _waits_for(command: str) -> str:
    """Return what an unfinished command waits for: its quote, or a line break."""
    if quote := read(command).open:
        return quote[-1]
    slashes = len(command) - len(command.rstrip("\\"))
    return "\n" if slashes % 2 else ""
