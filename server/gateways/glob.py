r"""Patterns of KEYS and SCAN MATCH: * ? [a-z] [^a] and \ before a sign that is meant itself.

Rule: matching takes time in proportion to key and pattern, whatever a stranger sends. It knows no
store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

__all__ = ["matcher", "prefix"]

_PART = re.compile(r"\\(.)|\[(\^?)((?:\\.|[^\]\\])*)\]|(\*+)|(.)", re.DOTALL)
_PLAIN = re.compile(r"(?:[^*?\[\\]|\\.)*", re.DOTALL)
_SET_PART = re.compile(r"\\?(.)(?:-\\?(.))?", re.DOTALL)


def prefix(pattern: str) -> str:
    """Return what every key that matches begins with."""
    found = _PLAIN.match(pattern)
    return re.sub(r"\\(.)", r"\1", found[0], flags=re.DOTALL) if found else ""


def matcher(pattern: str) -> Callable[[str], object]:
    """Make what is true of the keys that match."""
    pieces = [""]
    for piece in _pieces(pattern):
        if piece is None:
            pieces.append("")
        else:
            pieces[-1] += piece
    if len(pieces) == 1:
        return re.compile(pieces[0], re.DOTALL).fullmatch
    first, *inner, last = pieces
    # The shortest way to each piece is the best one, so none is ever reconsidered (atomic groups).
    between = "".join(f"(?>.*?{piece})" for piece in inner if piece)
    return re.compile(f"{first}{between}.*{last}", re.DOTALL).fullmatch


def _pieces(pattern: str) -> Iterator[str | None]:
    """Yield regular expressions of one sign each, None for any number of signs."""
    for found in _PART.finditer(pattern):
        escaped, negated, members, stars, plain = found.groups()
        if stars is not None:
            yield None
        elif members is not None:
            yield _set(members, bool(negated))
        elif plain == "?":
            yield "."
        else:
            yield re.escape(escaped or plain)


def _set(members: str, negated: bool) -> str:
    ranges = [_range(*found.groups()) for found in _SET_PART.finditer(members)]
    if not ranges:
        return "." if negated else "(?!)"
    return f"[{'^' * negated}{''.join(ranges)}]"


def _range(low: str, high: str | None) -> str:
    low, high = sorted((low, high or low))
    return f"{re.escape(low)}-{re.escape(high)}"
