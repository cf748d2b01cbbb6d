"""What HELP shows: all commands in groups, or one with an example; as wide as the window, up to 80.

It knows how to lay out text, and nothing of what the commands do.
"""

from __future__ import annotations

from collections.abc import Iterator

from kvrmi.columns import wrapped

from .commands import COMMANDS, GROUPS, PROGRAMS, Form, known

__all__ = ["explained", "lines"]

_WIDEST = 79
_FIRST = 30
"""Columns of a usage beside which its meaning stands; a longer one has a line of its own."""
_NARROW = 60
"""In a narrower window every usage has a line of its own."""
_NOTES = (
    "Commands are taken in any case. id is the number of a replica, as in STATUS; a role is "
    "proposer, acceptor or learner, with engine 2pc participant.",
    "Words are separated by spaces. '..' keeps text as it is; \"..\" knows \\n \\t \\r \\0 \\xHH "
    '\\uHHHH \\" \\\\; b".." is bytes; @file is the bytes of a file, @@ begins a text with @. '
    "Words after -- are no options. Operation(put,key,value) is PUT, with spaces in its parts; "
    "so are get and delete.",
    "In a shell, each with --help: "
    + ", ".join(f"{name} ({what})" for name, what in PROGRAMS.items())
    + ".",
    "HELP COMMAND shows an example.",
)


def lines(name: str | None = None, columns: int = _WIDEST) -> list[str]:
    """Explain one command, or all. Raises Usage for what is no command."""
    return list(_overview(columns) if name is None else _about(known(name), columns))


def _overview(columns: int) -> Iterator[str]:
    for group, forms in GROUPS.items():
        yield from _wrapped(group, columns)
        for form in forms:
            yield from _summary(form, columns)
        yield ""
    for note in _NOTES:
        yield from _wrapped(note, columns)


def explained() -> list[tuple[Form, str]]:
    """Pair each command with all that it means, its other names included."""
    return [(form, _meaning(form)) for form in dict.fromkeys(COMMANDS.values())]


def _summary(form: Form, columns: int) -> Iterator[str]:
    first = _FIRST if columns >= _NARROW else 6
    *others, last = form.usage.split(" | ")
    for usage in others:
        yield from _wrapped(usage, columns, "  ", "    ")
    if len(last) + 2 >= first:
        yield from _wrapped(last, columns, "  ", "    ")
        last = ""
    also = f"; also {', '.join(form.also)}" if form.also else ""
    yield from _wrapped(form.help + also, columns, f"  {last}".ljust(first), " " * first)


def _about(form: Form, columns: int) -> Iterator[str]:
    for usage in form.usage.split(" | "):
        yield from _wrapped(usage, columns, "", "    ")
    text = _meaning(form)
    yield from _wrapped(text[0].upper() + text[1:], columns, "  ", "  ")
    line, answer = form.example
    yield "For example"
    yield from (f"  {each}" for each in [line, *answer.splitlines()])


def _wrapped(text: str, columns: int, first: str = "", rest: str = "") -> list[str]:
    return wrapped(text, min(columns, _WIDEST), first, rest).splitlines()


def _meaning(form: Form) -> str:
    also = f"Also {', '.join(form.also)}." if form.also else ""
    return " ".join(part for part in (f"{form.help}.", form.more, also) if part)
