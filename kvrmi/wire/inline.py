"""A request as a person types it: words between blanks, quotes for blanks inside a word.

Rule: what redis-cli accepts at its prompt means the same here: "..." with escapes, '...' without.
"""

from __future__ import annotations

import re

__all__ = ["LineError", "split"]

_WORD = re.compile(
    rb"""[ \t]*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^ \t"'][^ \t]*))(?=[ \t]|$)""",
    re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}


class LineError(ValueError):
    """A quote is not closed, or a word goes on after it."""


def split(line: bytes) -> list[bytes]:
    """Split a line into words. Raises LineError."""
    line = line.strip(b" \t")
    if b'"' not in line and b"'" not in line:
        return line.split()
    words, at = [], 0
    while at < len(line):
        found = _WORD.match(line, at)
        if found is None:
            raise LineError("unbalanced quotes in a line")
        words.append(_meant(*found.groups()))
        at = found.end()
    return words


def _meant(double: bytes | None, single: bytes | None, plain: bytes | None) -> bytes:
    if double is not None:
        return _ESCAPE.sub(_escaped, double)
    if single is not None:
        return single.replace(b"\\'", b"'")
    return plain or b""


def _escaped(found: re.Match[bytes]) -> bytes:
    code, sign = found.groups()
    if code is not None:
        return bytes((int(code, 16),))
    return _NAMED.get(sign, sign)
