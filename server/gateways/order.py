"""Which commands of one connection may be open together, so that it sees its own commands in order.

Rule: of two commands of which one writes a key that the other touches, the later one begins once
the earlier one was answered. What reads without naming keys touches all. It knows no command.
"""

from __future__ import annotations

from collections import Counter

from .definition import Command, Words

__all__ = ["Order"]


class Order:
    """What the open commands of one connection touch."""

    def __init__(self) -> None:
        """Begin with none open."""
        self._written: Counter[bytes] = Counter()
        self._read: Counter[bytes] = Counter()
        self._reads_all = 0
        self.reads = 0
        """How many that read are open."""

    def admits(self, command: Command, words: Words) -> bool:
        """Whether a command may begin now."""
        if command.writes:
            if not (self._written or self._read or self._reads_all):
                return True
            keys = words[command.keys] if command.keys else ()
            return not self._reads_all and not any(
                key in self._written or key in self._read for key in keys
            )
        if not command.reads or not self._written:
            return True
        return command.keys is not None and not any(
            key in self._written for key in words[command.keys]
        )

    def begin(self, command: Command, words: Words) -> None:
        """Take note of one that begins."""
        self.reads += command.reads
        if command.keys is not None:
            self._of(command).update(words[command.keys])
        elif command.reads:
            self._reads_all += 1

    def end(self, command: Command, words: Words) -> None:
        """Take note of one that was answered."""
        self.reads -= command.reads
        if command.keys is None:
            self._reads_all -= command.reads
            return
        counted, keys = self._of(command), words[command.keys]
        for key in keys:
            if counted[key] > 1:
                counted[key] -= 1
            else:
                del counted[key]

    def _of(self, command: Command) -> Counter[bytes]:
        return self._written if command.writes else self._read
