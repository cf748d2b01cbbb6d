"""What may come next on the line: commands, options, roles, replicas, files, keys.

Rules: it answers from memory, at once; only names of files are read, in a thread of their own. What
is offered can be run as it stands: quoted where it must be.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator

from prompt_toolkit.completion import (
    CompleteEvent,
    Completer,
    Completion,
    PathCompleter,
    ThreadedCompleter,
)
from prompt_toolkit.document import Document

from ..grammar.arguments import ROLES
from ..grammar.commands import COMMANDS
from ..grammar.literal import typed
from ..grammar.place import Place
from .cursor import at_cursor
from .known import Known

__all__ = ["Completions"]

_SHOWN = 40
"""Columns of a key in the menu."""


class Completions(Completer):
    """Completes the command at the cursor, the last of a block."""

    def __init__(self, known: Known) -> None:
        """`known` has the keys and replicas."""
        self._known = known
        self._files = ThreadedCompleter(PathCompleter(expanduser=True))

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
        """Yield what is in memory."""
        line, _, at, _ = at_cursor(document.text_before_cursor)
        back = at.start - len(line)
        unasked = at.kind in ("command", "option") and not at.typed
        if unasked and not event.completion_requested:
            return
        for text, about in self._fitting(at, line):
            yield Completion(text, back, _short(text), about)

    async def get_completions_async(
        self, document: Document, event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Yield what is in memory, or files as they are found."""
        line, _, at, _ = at_cursor(document.text_before_cursor)
        if at.kind == "file":
            part = Document(at.typed)
            async for found in self._files.get_completions_async(part, event):
                name = typed(at.typed + found.text)
                yield Completion(name, at.start - len(line), found.display)
        else:
            for found in self.get_completions(document, event):
                yield found

    def _fitting(self, at: Place, line: str) -> Iterable[tuple[str, str]]:
        """List what fits what is typed, with a word about each."""
        if at.kind == "command":
            return _commands(at.typed)
        if at.kind == "key":
            return [(typed(key), "") for key in self._known.matching(at.typed)]
        if at.kind == "option" and at.form is not None:
            there = line.split()
            options = [one for one in at.form.pattern.options if one not in there]
            return [(one, "") for one in options if one.startswith(at.typed.lower())]
        if at.kind == "role":
            return [(role, "") for role in ROLES if role.startswith(at.typed.lower())]
        if at.kind == "id":
            return [one for one in self._replicas() if one[0].startswith(at.typed)]
        return ()

    def _replicas(self) -> list[tuple[str, str]]:
        leader = self._known.seen.leader
        return [(str(id), "leader" if id == leader else "") for id in self._known.replicas]


def _commands(start: str) -> list[tuple[str, str]]:
    """List the commands that begin so, written in the case that is being typed."""
    names = [name for name in COMMANDS if name.startswith(start.upper())]
    small = start.islower()
    return [(name.lower() if small else name, _about(COMMANDS[name].help)) for name in names]


def _about(help: str) -> str:
    return help.partition(";")[0]


def _short(text: str) -> str:
    if len(text) <= _SHOWN:
        return text
    return f"{text[: _SHOWN // 2 - 1]}..{text[1 - _SHOWN // 2 :]}"
