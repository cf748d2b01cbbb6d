"""What HELP shows: all commands in groups, or one with an example; lines of at most 80 columns.

It knows how to lay out text, and nothing of what the commands do.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from .commands import COMMANDS, GROUPS, PROGRAMS, Form, known

__all__ = ["about", "explained", "overview"]

_COLUMNS = 79
_FIRST = 30
"""Columns of a usage beside which its meaning stands; a longer one has a line of its own."""
_NOTES = (
    "Commands are taken in any case. id is the number of a replica, as in STATUS; a role is "
    "proposer, acceptor or learner.",
    "Words are separated by spaces. '..' keeps text as it is; \"..\" knows \\n \\t \\r \\0 \\xHH "
    '\\uHHHH \\" \\\\; b".." is bytes; @file is the bytes of a file, @@ begins a text with @. '
    "Words after -- are no options. Operation(put,key,value) is PUT, with spaces in its parts; "
    "so are get and delete.",
    "In a shell, each with --help: "
    + ", ".join(f"{name} ({what})" for name, what in PROGRAMS.items())
    + ".",
    "HELP COMMAND shows an example.",
)


def overview() -> Iterator[str]:
    """Explain all commands."""
    for group, forms in GROUPS.items():
        yield group
        for form in forms:
            yield from _summary(form)
        yield ""
    for note in _NOTES:
        yield from textwrap.wrap(note, _COLUMNS, break_on_hyphens=False)


def about(name: str) -> Iterator[str]:
    """Explain one command: usage, meaning, an example with its answer. Raises Usage."""
    form = known(name)
    return _about(form)


def explained() -> list[tuple[Form, str]]:
    """Pair each command with all that it means, its other names included."""
    return [(form, _meaning(form)) for form in dict.fromkeys(COMMANDS.values())]


def _summary(form: Form) -> Iterator[str]:
    *others, last = [f"  {usage}" for usage in form.usage.split(" | ")]
    yield from others
    if len(last) >= _FIRST:
        yield last
        last = ""
    also = f"; also {', '.join(form.also)}" if form.also else ""
    yield from textwrap.wrap(
        form.help + also,
        _COLUMNS,
        initial_indent=last.ljust(_FIRST),
        subsequent_indent=" " * _FIRST,
        break_on_hyphens=False,
    )


def _about(form: Form) -> Iterator[str]:
    yield from form.usage.split(" | ")
    text = _meaning(form)
    yield from textwrap.wrap(
        text[0].upper() + text[1:],
        _COLUMNS,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )
    line, answer = form.example
    yield "For example"
    yield f"  {line}"
    yield from (f"  {each}" for each in answer.splitlines())


def _meaning(form: Form) -> str:
    also = f"Also {', '.join(form.also)}." if form.also else ""
    return " ".join(part for part in (f"{form.help}.", form.more, also) if part)
