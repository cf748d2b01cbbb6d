"""A typed line taken apart into words: quotes, escapes, spaces, Operation(..), failLink(..).

Rules: it takes time in proportion to the length of the line; what cannot be read is refused as a
whole. It knows no commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from kvrmi.errors import InvalidRequest

from .literal import quoted

__all__ = ["Line", "Usage", "Word", "plain", "read", "shortened", "split"]


class Usage(InvalidRequest):
    """The words make no command; the text says what would."""


class Word(NamedTuple):
    """A word: what it stands for, and where it stands in the line.

    bare: it begins without a quote or a backslash; only such words are options, @file and >.
    """

    text: str | bytes
    start: int
    end: int
    bare: bool


class Line(NamedTuple):
    """What could be read of a line.

    fault: why it is not a whole line, or ""; open: the quote that is not closed, or "".
    again: the place from which it is to be read again once more follows.
    """

    words: list[Word]
    fault: str
    open: str
    again: int = 0


_SPACES = " \t\r\n"
_GAP = re.compile(rf"(?:[{_SPACES}]|\\\n)*+")
_PLAIN = re.compile(rf"""[^{_SPACES}'"\\]++""")
_CALL = re.compile(r"\s*operation\s*\(", re.IGNORECASE)
_PART = re.compile(r"[^,]*+")
_CALLED = ("put", "get", "delete")
_VERB = re.compile(r"\s*(?:faillink|fixlink|failprocess)\s*\(", re.IGNORECASE)
"""Orders that may be written as calls, failLink(1,2): the words are the same without the signs."""
_SIGNS = str.maketrans("(,", "  ")
_SHOWN = 60
"""Characters of somebody's line that an error repeats."""


def split(line: str) -> list[Word]:
    r"""Split a typed line into words. Raises Usage for what cannot be read.

    '..' keeps text as it is, ".." has escapes, b".." is bytes. Outside quotes a backslash keeps a
    space or a sign; before a letter or a digit it is refused, since C:\new could mean two things.
    """
    words, fault, left_open, _ = read(line)
    if left_open:
        fault = f"no closing {left_open}"
    if fault:
        raise Usage(f"{fault}; in: {shortened(line.strip())}")
    return words


def plain(words: Iterable[str]) -> list[Word]:
    """Make words of arguments that a shell has split already: text as it is, options too."""
    return [Word(word, 0, 0, True) for word in words]


def read(line: str, *, within: bool = False) -> Line:
    """Read as much of a line as can be read, half typed or wrong. Never raises.

    A line that begins with # is a comment, and has no words. within: it is the rest of a line,
    from the place that reading it named.
    """
    if within:
        return _read_words(line)
    if line.lstrip(_SPACES).startswith("#"):
        return Line([], "", "")
    if _VERB.match(line):
        return _read_verb(line)
    call = _CALL.match(line)
    return _read_call(line, call.end()) if call else _read_words(line)


def shortened(text: str) -> str:
    """Cut somebody's text to what an error may repeat of it."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _read_words(line: str) -> Line:
    words: list[Word] = []
    faults: list[str] = []
    left_open, again = "", 0
    at = _gap(line, 0)
    while at < len(line):
        word, fault, left_open, again = _word(line, at)
        words.append(word)
        faults.append(fault)
        at = _gap(line, word.end)
    return Line(words, next(filter(None, faults), ""), left_open, again)


def _gap(line: str, at: int) -> int:
    found = _GAP.match(line, at)
    return found.end() if found else at


def _word(line: str, start: int) -> tuple[Word, str, str, int]:
    """Read one word, what is wrong in it, the quote that it leaves open, and its last piece."""
    pieces: list[str | bytes] = []
    fault = left_open = ""
    at = last = start
    while at < len(line) and line[at] not in _SPACES:
        last = at
        found = quoted(line, at, bytes_too=at == start)
        if found is not None:
            piece, at, wrong, left_open = found
        else:
            piece, at, wrong = _unquoted(line, at)
        pieces.append(piece)
        fault = fault or wrong
    if len(pieces) > 1 and isinstance(pieces[0], bytes):
        fault = fault or 'a space is missing after the bytes b".."'
    text = _joined(pieces)
    bare = isinstance(text, str) and line[start] not in "'\"\\"
    return Word(text, start, at, bare), fault, left_open, last


def _joined(pieces: list[str | bytes]) -> str | bytes:
    if len(pieces) == 1:
        return pieces[0]
    return "".join(piece for piece in pieces if isinstance(piece, str))


def _unquoted(line: str, at: int) -> tuple[str, int, str]:
    """Read plain text or one escaped character; returns it, its end and what is wrong."""
    if found := _PLAIN.match(line, at):
        return found[0], found.end(), ""
    kept = line[at + 1 : at + 2]
    if not kept:
        return "\\", at + 1, "nothing stands after the last backslash"
    if kept.isalnum():
        return f"\\{kept}", at + 2, f"\\{kept} outside quotes: write '..' to keep a backslash"
    return kept.strip("\n"), at + 2, ""


def _read_verb(line: str) -> Line:
    """Read NAME(a,b) c as the words NAME a b c, each where it stands."""
    inner, closed, rest = line.partition(")")
    found = _read_words(f"{inner.translate(_SIGNS)} {rest}" if closed else inner.translate(_SIGNS))
    return found if closed or found.fault else found._replace(fault="no closing )")


def _read_call(line: str, at: int) -> Line:
    """Read Operation(put,key,value) as the words PUT key value; spaces are kept in the parts."""
    end = len(line.rstrip(_SPACES))
    closed = end > at and line[end - 1] == ")"
    inner = line[: end - 1] if closed else line
    words: list[Word] = []
    fault = left_open = ""
    while at <= len(inner) and not left_open:
        word, wrong, left_open = _part(inner, at)
        words.append(word)
        fault = fault or wrong
        at = _gap(inner, word.end) + 1
    if words and str(words[0].text).lower() not in _CALLED:
        fault = fault or "Operation(..) is for put, get and delete"
    return Line(words, fault or ("" if closed else "no closing )"), left_open)


def _part(line: str, at: int) -> tuple[Word, str, str]:
    """Read one part of Operation(..): quoted as a whole, or as it is up to the next comma."""
    start = _gap(line, at)
    found = quoted(line, start, bytes_too=True)
    if found and line[(after := _gap(line, found.end)) : after + 1] in ("", ","):
        return Word(found.value, start, found.end, False), found.fault, found.open
    raw = _PART.match(line, start)
    text = raw[0].rstrip(_SPACES) if raw else ""
    return Word(text, start, start + len(text), False), "", ""
