"""Serpent's data, which are Python literals, read without Python's own parser.

Python's parser holds the interpreter until it is done: half a megabyte of zeros from a stranger
took a second, in which no lease is kept, and a quarter of a gigabyte. This reader lets other
threads run, and needs no more memory than what it reads.
Rules: what serpent writes is read (in any of its languages), all else is refused; whatever it is
fed, it stays within a number of tokens and a depth. It builds plain data only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

__all__ = ["TokensExceeded", "read_literal"]

_DEPTH_MAX = 100
_HEX = "[0-9a-fA-F]"
# Escapes that Python knows: for others it writes warnings.
_ANY_ESCAPE = rf"[\\'\"abfnrtv]|x{_HEX}{{2}}|[0-3]?[0-7]{{1,2}}"
_TEXT_ESCAPE = rf"\\(?:{_ANY_ESCAPE}|u{_HEX}{{4}}|U{_HEX}{{8}})"
_BYTE_ESCAPE = rf"\\(?:{_ANY_ESCAPE})"


def _string(prefix: str, escape: str) -> str:
    quoted = [
        rf"{quote}[^{quote}\\\r\n]*+(?:{escape}[^{quote}\\\r\n]*+)*+{quote}" for quote in "'\""
    ]
    return f"{prefix}(?:{'|'.join(quoted)})"


# No alternative begins like another, and what repeats never backs off: linear for any text.
_TOKEN = re.compile(
    r"[ \t\r\n]*+(?:"
    rf"(?P<text>{_string('', _TEXT_ESCAPE)})|(?P<bytes>{_string('b', _BYTE_ESCAPE)})"
    r"|(?P<float>-?[0-9]++(?:\.[0-9]*+(?:[eE][+-]?[0-9]++)?|[eE][+-]?[0-9]++))"
    r"|(?P<int>-?(?:0|[1-9][0-9]*+))"
    r"|(?P<name>None|True|False)"
    r"|(?P<open>[\[({])|(?P<close>[\])}])|(?P<comma>,)|(?P<colon>:)|(?P<end>\Z))"
)
# Pairs of simple strings are what comes in numbers: a run of them is read as one.
_PAIR = r"\('[^'\\\r\n]*+', ?'[^'\\\r\n]*+'\)"
_PAIRS = re.compile(rf"{_PAIR}(?:, ?{_PAIR}){{0,255}}+")
_PAIR_TOKENS = 6
_HEAD = re.compile(r"(?:#[^\n]*+(?:\n|\Z)|[ \t\r\n]++)*+")
_CLOSED_BY = {"[": "]", "(": ")", "{": "}"}
_NAMES = {"None": None, "True": True, "False": False}


class TokensExceeded(ValueError):
    """There are more tokens than the reader was allowed."""


class _Open:
    """A list, tuple, set or dictionary that has been begun."""

    __slots__ = ("after_value", "bracket", "colons", "commas", "items")

    def __init__(self, bracket: str) -> None:
        self.bracket = bracket
        self.items: list[Any] = []
        self.commas = 0
        self.colons = 0
        self.after_value = False

    def add(self, value: object) -> None:
        if self.after_value or (not self.bracket and self.items):
            raise ValueError("two values in a row")
        self.items.append(value)
        self.after_value = True

    def add_all(self, values: list[Any]) -> None:
        """Add at least one value, and the commas between."""
        self.add(values[0])
        self.items += values[1:]
        self.commas += len(values) - 1

    def comma(self) -> None:
        if not self.after_value or not self.bracket:
            raise ValueError("a comma where none belongs")
        self.commas += 1
        self.after_value = False
        if self.colons and len(self.items) != 2 * self.colons:
            raise ValueError("a key without a value")

    def colon(self) -> None:
        self.colons += 1
        odd = len(self.items) == 2 * self.colons - 1
        if self.bracket != "{" or not self.after_value or not odd:
            raise ValueError("a colon where none belongs")
        self.after_value = False

    def close(self, bracket: str) -> Any:
        """Build what it is."""
        if _CLOSED_BY.get(self.bracket) != bracket:
            raise ValueError("closed by another bracket")
        if self.bracket == "[":
            return self.items
        if self.bracket == "{":
            return self._braces()
        if len(self.items) == 1 and not self.commas:
            return self.items[0]  # in parentheses
        return tuple(self.items)

    def _braces(self) -> Any:
        """Make a dictionary or a set; only text is a key: numbers can be made to collide."""
        if not self.colons and self.items:
            return set(_texts(self.items))
        if len(self.items) != 2 * self.colons:
            raise ValueError("a key without a value")
        return dict(zip(_texts(self.items[::2]), self.items[1::2], strict=True))


def read_literal(text: str, tokens_max: int) -> Any:
    """Read one literal. Raises TokensExceeded; ValueError or SyntaxError for what is none."""
    head = _HEAD.match(text)
    here = _Open("")
    outer: list[_Open] = []
    position = head.end() if head else 0
    left = tokens_max
    while left > 0:
        left -= 1
        token = _TOKEN.match(text, position)
        if token is None:
            raise ValueError("not a literal")
        position = token.end()
        kind = token.lastgroup or ""
        make = _VALUES.get(kind)
        if make is not None:
            here.add(make(token[kind]))
        elif kind == "comma":
            here.comma()
            position, left = _pairs(text, position, here, left)
        elif kind == "colon":
            here.colon()
        elif kind == "open":
            outer.append(here)
            here = _Open(token[kind])
            if len(outer) > _DEPTH_MAX:
                raise ValueError("nested too deeply")
            position, left = _pairs(text, position, here, left)
        elif kind == "close":
            value = here.close(token[kind])
            here = outer.pop()
            here.add(value)
        elif outer or not here.items:
            raise ValueError("ends too early")
        else:
            return here.items[0]
    raise TokensExceeded("too many tokens")


def _pairs(text: str, position: int, here: _Open, left: int) -> tuple[int, int]:
    """Read a run of pairs in a list, if one begins there; where it ends, and the tokens left."""
    run = _PAIRS.match(text, position) if here.bracket == "[" else None
    if run is None:
        return position, left
    parts = run[0].split("'")  # in a run, every quote begins or ends a string
    pairs = list(zip(parts[1::4], parts[3::4], strict=True))
    here.add_all(pairs)
    return run.end(), left - _PAIR_TOKENS * len(pairs)


def _texts(items: list[Any]) -> list[str]:
    if all(type(item) is str for item in items):
        return items
    raise ValueError("keys and members of sets are text")


def _read_text(token: str) -> str:
    if "\\" not in token:
        return token[1:-1]
    text: str = ast.literal_eval(token)
    if "\\u" in token:
        # Java and .NET escape both halves of a character beyond U+FFFF; half a one stays half.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


_VALUES: dict[str, Callable[[str], Any]] = {
    "text": _read_text,
    "bytes": ast.literal_eval,
    "float": float,
    "int": int,
    "name": _NAMES.__getitem__,
}
