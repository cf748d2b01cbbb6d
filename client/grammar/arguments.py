"""One argument of a command: what its name in the usage lets it be, and what a word makes of it.

Rule: a word that does not fit is refused with what would. It knows no command and opens no file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from .lexer import Usage, Word, shortened
from .nearest import meant

__all__ = ["ROLES", "FromFile", "Like", "kind_of", "made"]

_ROLES = "proposer, acceptor or learner, with engine 2pc participant"
ROLES = ("proposer", "acceptor", "learner", "participant")
"""Of all engines: to a command line that names no cluster, any of them may be meant."""
_DAY = 86_400
_WHOLE = re.compile(r"[0-9]{1,18}")
_SIGN = re.compile(r"[*?[]")
"""What stands for other characters in a pattern; [ only where * or ? does."""
_DECIMAL = re.compile(r"[0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18}")


class FromFile(NamedTuple):
    """The bytes of a file, where a value may stand."""

    path: str


class Like(NamedTuple):
    """Which keys: those with this prefix, and, unless it is "", like this pattern as a whole.

    In a pattern * stands for any characters, ? for one, [a-z] for one of these, [^a-z] for one of
    the others.
    """

    prefix: str
    pattern: str = ""


def kind_of(name: str) -> str:
    """Return what an argument of this name is: key, value, id, role, file, number, command."""
    return _ARGUMENTS[name][0] if name in _ARGUMENTS else "none"


def made(name: str, word: Word) -> object:
    """Make what an argument of this name stands for. Raises Usage: what is wrong with the word."""
    return _ARGUMENTS[name][1](word)


def _key(word: Word) -> str:
    return _text(word, "a key")


def _like(word: Word) -> Like:
    """Take a bare word with * or ? for a pattern, whose beginning is the prefix; else a prefix."""
    text = _key(word)
    if not word.bare or ("*" not in text and "?" not in text):
        return Like(text)
    prefix = _SIGN.split(text, maxsplit=1)[0]
    return Like(prefix) if text == f"{prefix}*" else Like(prefix, text)


def _file(word: Word) -> str:
    path = _text(word, "the name of a file")
    if not path or "\0" in path:
        raise Usage("the name of a file is missing" if not path else "a file's name has no NUL")
    return path


def _value(word: Word) -> str | bytes | FromFile:
    """Take a bare @file for the file's bytes; @@ begins a text with one @."""
    text = word.text
    if not (word.bare and isinstance(text, str) and text[:1] == "@" and len(text) > 1):
        return text
    return text[1:] if text[1] == "@" else FromFile(text[1:])


def _id(word: Word) -> int:
    text = _text(word, "the number of a replica")
    if not _WHOLE.fullmatch(text):
        raise Usage(f"{shortened(text)!r} is not the number of a replica")
    return int(text)


def _role(word: Word) -> str:
    text = _text(word, "a role")
    if text.lower() not in ROLES:
        near = meant(text, ROLES)
        raise Usage(f"{shortened(text)!r} is no role: {_ROLES}{near}")
    return text.lower()


def _seconds(word: Word) -> float:
    text = _text(word, "a time")
    if not _DECIMAL.fullmatch(text) or float(text) > _DAY:
        raise Usage(f"{shortened(text)!r} is no number of seconds from 0 to {_DAY}")
    return float(text)


def _count(word: Word) -> int:
    text = _text(word, "a number")
    if not _WHOLE.fullmatch(text) or int(text) == 0:
        raise Usage(f"{shortened(text)!r} is no whole number from 1")
    return int(text)


def _votes(word: Word) -> int:
    text = _text(word, "a number of votes")
    if not _WHOLE.fullmatch(text):
        raise Usage(f"{shortened(text)!r} is no number of votes: a whole number from 0")
    return int(text)


def _revision(word: Word) -> int:
    text = _text(word, "a revision")
    if not _WHOLE.fullmatch(text):
        raise Usage(f"{shortened(text)!r} is no revision: a whole number from 0")
    return int(text)


def _client(word: Word) -> str:
    return _text(word, "the client id of a request")


def _only(name: str) -> Callable[[Word], str]:
    """Take one word and no other, in any case."""

    def take(word: Word) -> str:
        if str(word.text).upper() != name.upper():
            raise Usage(f"{shortened(str(word.text))!r} is not {name}")
        return name

    return take


def _command(word: Word) -> str:
    return _text(word, "a command")


def _text(word: Word, called: str) -> str:
    if isinstance(word.text, bytes):
        raise Usage(f'{called} is text, not bytes: leave out the b before ".."')
    return word.text


_ARGUMENTS: Mapping[str, tuple[str, Callable[[Word], object]]] = {
    "key": ("key", _key),
    "prefix": ("key", _key),
    "pattern": ("key", _like),
    "value": ("value", _value),
    "expected": ("value", _value),
    "id": ("id", _id),
    "peer": ("id", _id),
    "role": ("role", _role),
    "file": ("file", _file),
    "seconds": ("number", _seconds),
    "s": ("number", _seconds),
    "n": ("number", _count),
    "votes": ("number", _votes),
    "slot": ("number", _count),
    "sequence": ("number", _count),
    "revision": ("number", _revision),
    "client": ("client", _client),
    "VERIFY": ("none", _only("VERIFY")),
    "RECONNECT": ("none", _only("RECONNECT")),
    "both": ("none", _only("both")),
    "command": ("command", _command),
}
"""An argument's name in a usage -> its kind, and what makes it of a word."""
