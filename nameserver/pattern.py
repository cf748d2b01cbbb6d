"""Patterns of names that say no more than how a name begins.

Pyro5's tools list names by regular expressions, and a stranger's holds the interpreter for as long
as its author likes. Those that they send in practice are read here, and compared letter by letter.
Rule: no caller's text is ever compiled. It knows no names.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Pattern"]

# One alternative: letters, escaped signs, dots for any letter, [0-9] for one of some; then perhaps
# the rest, and an end.
_BRANCH = re.compile(
    r"\^?(?P<letters>(?:[^\\.^$*+?{}\[\]|()]|\\[^A-Za-z0-9]|\.(?![*+?{])"
    r"|\[(?:[A-Za-z0-9](?:-[A-Za-z0-9])?)+\])*)(?P<rest>\.\*)?(?P<end>\$)?"
)
_LETTER = re.compile(r"\\.|\[[^]]*\]|.", re.DOTALL)
_RANGE = re.compile(r"(.)(?:-(.))?")
_ANY = "."


class _Branch(NamedTuple):
    """What each letter may be that a name begins with, None: any. `whole`: that is all of it."""

    letters: tuple[str | None, ...]
    whole: bool

    def matches(self, name: str) -> bool:
        if len(name) < len(self.letters) or (self.whole and len(name) > len(self.letters)):
            return False
        pairs = zip(self.letters, name, strict=False)
        return all(letter is None or found in letter for letter, found in pairs)


class Pattern:
    """What some regular expressions mean: `^kvrmi.replica`, `a.b$`, `a[0-9]`, `http.*|kvrmi.*`."""

    def __init__(self, text: str) -> None:
        """Read one. Raises ValueError for any that says more than how a name begins."""
        self._branches: list[_Branch] = []
        at = -1
        while at < len(text):
            found = _BRANCH.match(text, at + 1)
            if found is None or text[found.end() : found.end() + 1] not in ("", "|"):
                raise ValueError("not a plain prefix")
            self._branches.append(_branch(found))
            at = found.end()

    def matches(self, name: str) -> bool:
        """Say what `re.match` would."""
        return any(branch.matches(name) for branch in self._branches)


def _branch(found: re.Match[str]) -> _Branch:
    items: list[str] = _LETTER.findall(found["letters"])
    letters = tuple(None if item == _ANY else _allowed(item) for item in items)
    return _Branch(letters, found["end"] is not None and found["rest"] is None)


def _allowed(item: str) -> str:
    """Spell out the letters that one stands for: itself, or those of [0-9]. Raises ValueError."""
    if not item.startswith("["):
        return item[-1]
    allowed = ""
    for low, high in _RANGE.findall(item[1:-1]):
        if high and high < low:
            raise ValueError("not a plain prefix")
        allowed += "".join(map(chr, range(ord(low), ord(high or low) + 1)))
    return allowed
