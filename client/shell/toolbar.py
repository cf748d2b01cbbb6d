"""The line below the prompt: how the command is written, and whom one talks to.

Rules: it is made of what is in memory, since nobody can type while it is drawn; in a narrow window
what matters least is left out, never the argument that is being typed. It asks nobody.
"""

from __future__ import annotations

from prompt_toolkit.formatted_text import StyleAndTextTuples

from ..grammar.commands import unknown
from ..grammar.place import Place
from .known import Seen

__all__ = ["toolbar"]

OLD = 3.0
"""Seconds after which an answer is shown with its age."""
_HINT, _NOW, _ABOUT = "class:hint", "class:now", "class:about"
_GAP = 3


def toolbar(
    place: Place, line: str, seen: Seen, name: str | None, now: float, columns: int
) -> StyleAndTextTuples:
    """Write the toolbar for what stands at the cursor of `line`; `now` is time.monotonic()."""
    hint, about = _hint(place, line, columns), _about(seen, name, now)
    gap = columns - _width(hint) - len(about)
    if gap >= _GAP:
        return [*hint, ("", " " * gap), (_ABOUT, about)]
    return hint if line.strip() else [(_ABOUT, about[:columns])]


def _hint(place: Place, line: str, columns: int) -> StyleAndTextTuples:
    """Write what can be typed: the command's usage, the argument at the cursor in bold."""
    if place.form is not None:
        return _usage(place.form.usage.split(), place.argument, columns)
    text = unknown(line.split()[0]) if place.kind == "none" else "HELP lists the commands"
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


def _about(seen: Seen, name: str | None, now: float) -> str:
    """Write who one is, who answers, who leads, and how old that is if it is old."""
    if seen.at is None:
        known = ["no replica answers"] if seen.silent else ["connecting"]
    else:
        known = [f"replica {seen.replica}"] if seen.replica else []
        known += [f"leader {seen.leader}" if seen.leader else "no leader"]
        if now - seen.at >= OLD:
            known = ["no replica answers", f"{now - seen.at:.0f} s ago: {known[-1]}"]
    return " · ".join([*([name] if name else []), *known])


def _width(parts: StyleAndTextTuples) -> int:
    return sum(len(part[1]) for part in parts)
