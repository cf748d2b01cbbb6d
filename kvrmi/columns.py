"""How many columns of a terminal a text takes: the one place that counts, pads and breaks by them.

Rule: a character counts as wide as terminals draw it, two columns for Chinese, Japanese and Korean
ones; what takes none still counts one, since a terminal may draw it badly.
"""

from __future__ import annotations

import re
from itertools import accumulate

__all__ = ["padded", "width", "wrapped"]

_PIECE = 256
"""Characters of a word that are looked at together, so that a very long one takes no longer."""


def width(text: str) -> int:
    """Count the columns of a text."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # only then: programs without tables do not load it

    return max(cell_len(text), len(text))


def padded(text: str, columns: int) -> str:
    """Add blanks up to so many columns; a wider text stays as it is."""
    return text + " " * (columns - width(text))


def wrapped(text: str, columns: int, first: str = "", rest: str = "") -> str:
    """Break a text into lines at blanks, `first` before the first line and `rest` before others.

    A word that is wider than a line is broken where lines end.
    """
    lines: list[str] = []
    line, bare = first, True
    widest = max(1, columns - width(rest))
    for gap, word in re.findall(rf"(\s*)(\S{{1,{_PIECE}}})", text):
        before = "" if bare and lines else " " * len(gap)
        while width(word) > (room := columns - width(line) - len(before)):
            if bare or (width(word) > widest and room >= width(word[0])):
                taken = _fitting(word, room)
                line, word = line + before + word[:taken], word[taken:]
                if not word:
                    break
            lines.append(line)
            line, before, bare = rest, "", True
        line, bare = line + before + word, False
    return "\n".join(lines if bare else [*lines, line])


def _fitting(word: str, columns: int) -> int:
    """Count the first characters of a word that fit, one at least."""
    return max(1, sum(used <= columns for used in accumulate(map(width, word[:columns]))))
