"""The line below the prompt: how the command is written, and whom one talks to.

Rules: it is made of what is in memory, since nobody can type while it is drawn; in a narrow window
what matters least is left out, never the argument that is being typed. It asks nobody.
"""

from __future__ import annotations

from prompt_toolkit.formatted_text import StyleAndTextTuples

from ..grammar.commands import COMMANDS, unknown
from .cursor import Cursor
from .known import Seen

__all__ = ["toolbar"]

OLD = 3.0
"""Seconds after which an answer is shown with its age."""
_HINT, _NOW, _ABOUT = "class:hint", "class:now", "class:about"
_GAP = 3


def toolbar(
    at: Cursor, seen: Seen, name: str | None, now: float, columns: int
) -> StyleAndTextTuples:
    """Write the toolbar for what stands at the cursor.

    `name` of the client, or None where the prompt shows it; `now` is time.monotonic().
    """
    hint, abouts = _hint(at, columns), _about(seen, name, now)
    left = columns - sum(len(part[1]) for part in hint) - _GAP
    about = _fitting(abouts, left)
    if about is None and at.line.words:
        return hint
    if about is None:
        hint, about = [], _fitting(abouts, columns) or ""
    used = sum(len(part[1]) for part in hint) + len(about)
    return [*hint, ("", " " * (columns - used)), (_ABOUT, about)]


def _fitting(texts: list[str], columns: int) -> str | None:
    return next((text for text in texts if len(text) <= columns), None)


def _hint(at: Cursor, columns: int) -> StyleAndTextTuples:
    """Write what can be typed: the command's usage, the argument at the cursor in bold."""
    place = at.place
    if at.line.open and "\n" in place.typed:
        return [(_NOW, f"{at.line.open} closes the value, Ctrl-C drops it"[:columns])]
    if at.commands > 1:
        return [(_NOW, f"Enter runs {at.commands} commands, Ctrl-C drops them"[:columns])]
    form = place.form or COMMANDS.get(place.typed.upper() if place.kind == "command" else "")
    if form is not None:
        return _usage(form.usage.split(), place.argument, columns)
    text = (
        unknown(str(at.line.words[0].text)) if place.kind == "none" else "HELP lists the commands"
    )
    return [(_HINT, text[:columns])]


def _usage(words: list[str], argument: int | None, columns: int) -> StyleAndTextTuples:
    """Write as many words of a usage as fit, around the one that is typed."""
    first, last = 0, len(words) - 1
    here = argument or 0
    while _long(words, first, last) > columns and last > here:
        last -= 1
    while _long(words, first, last) > columns and first < here:
        first += 1
    parts: StyleAndTextTuples = [(_HINT, "… ")] if first else []
    for at in range(first, last + 1):
        parts.append((_NOW if at == argument else _HINT, words[at]))
        parts.append((_HINT, " "))
    parts[-1] = (_HINT, " …" if last < len(words) - 1 else "")
    return parts


def _long(words: list[str], first: int, last: int) -> int:
    marks = 2 * (first > 0) + 2 * (last < len(words) - 1)
    return len(" ".join(words[first : last + 1])) + marks


def _about(seen: Seen, name: str | None, now: float) -> list[str]:
    """Write who one is, who answers, who leads, and how old that is; the longest text first."""
    leader = f"leader {seen.leader}" if seen.leader else "no leader"
    if seen.at is None:
        known = ["no replica answers" if seen.silent else "connecting"]
    elif now - seen.at >= OLD:
        known = [f"no replica answers · {leader} {now - seen.at:.0f} s ago", "no replica answers"]
    elif seen.replica:
        known = [f"replica {seen.replica} · {leader}", leader]
    else:
        known = [leader]
    return [f"{name} · {known[0]}", *known] if name else known
