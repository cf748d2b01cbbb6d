"""A typed line taken apart into words: quotes, escapes, spaces.

Rules: it takes time in proportion to the length of the line; what cannot be read is refused as a
whole. It knows no commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kvrmi.errors import InvalidRequest

__all__ = ["Usage", "shortened", "split"]


class Usage(InvalidRequest):
    """The words make no command; the text says what would."""


_SPACES = " \t\r\n"
# One step of the line each, so that a long line takes no longer a character than a short one.
_PIECE = re.compile(
    rf"""[{_SPACES}]+|'[^']*'|"(?:[^"\\]++|\\.)*+"|\\.|[^{_SPACES}'"\\]+""", re.DOTALL
)
_ESCAPED = re.compile(r"""\\(["\\])""")
_SHOWN = 60
"""Characters of somebody's line that an error repeats."""


def split(line: str) -> list[str]:
    """Split a typed line into words, as a POSIX shell does; quotes keep spaces. Raises Usage.

    Takes time in proportion to the length of the line.
    """
    words: list[list[str]] = []
    within = False
    for piece in _pieces(line):
        if piece[0] in _SPACES:
            within = False
            continue
        if not within:
            words.append([])
        within = True
        words[-1].append(_unquoted(piece))
    return ["".join(pieces) for pieces in words]


def _pieces(line: str) -> Iterator[str]:
    """Take the line apart into spaces, quoted parts, escaped characters and plain text."""
    at = 0
    while at < len(line):
        match = _PIECE.match(line, at)
        if match is None:
            lacks = "no escaped character" if line[at] == "\\" else "no closing quotation"
            raise Usage(f"{lacks} in: {shortened(line.strip())}")
        yield match[0]
        at = match.end()


def _unquoted(piece: str) -> str:
    if piece[0] == "'":
        return piece[1:-1]
    if piece[0] == '"':
        return _ESCAPED.sub(r"\1", piece[1:-1])
    return piece[1:] if piece[0] == "\\" else piece


def shortened(text: str) -> str:
    """Cut somebody's text to what an error may repeat of it."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
