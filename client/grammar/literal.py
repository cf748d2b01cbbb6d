"""Values as they are typed and shown: quotes, escapes, bytes; both directions.

Rule: what typed() writes is read back as the same value, and cannot move a terminal's cursor or
turn its text around. It knows nothing of words, lines or commands.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["BAD_ESCAPE", "Quoted", "quoted", "typed"]

_QUOTED = re.compile(
    r"""(?P<bytes>[bB](?=["']))?
    (?: "(?P<double>(?:[^"\\]++|\\.|\\\Z)*+)(?P<end_double>"?)
      | '(?P<single>(?:[^'\\]++|\\.|\\\Z)*+)(?P<end_single>'?) )""",
    re.DOTALL | re.VERBOSE,
)
_AS_IT_IS = re.compile(r"'(?P<text>[^']*+)(?P<end>'?)")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))", re.DOTALL)
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", '"': '"', "'": "'", "\n": ""}
"""What stands after a backslash; a line that ends in one goes on in the next."""
_WRITTEN = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\", '"': r"\""}
_CALLS = "operation|faillink|fixlink|failprocess"
_BARE = re.compile(rf"""(?!--|[@>#]|(?:{_CALLS})\()[^ \\"']++""", re.IGNORECASE)
"""What needs no quotes; options, @file, > and what is written as a call are no values."""
BAD_ESCAPE = "is no escape in a \"..\" text; \\\\ is a backslash, and '..' keeps text as it is"


class Quoted(NamedTuple):
    """A quoted text or bytes; `end` is the place after it.

    fault: what is wrong with it, or ""; open: the quote that is not closed, or "".
    """

    value: str | bytes
    end: int
    fault: str
    open: str


def quoted(line: str, at: int, *, bytes_too: bool) -> Quoted | None:
    """Read the quoted text at a place of the line: "..", '..', or with bytes_too b".." and b'..'.

    None if there is none. Takes time in proportion to what it reads; never raises.
    """
    if found := _AS_IT_IS.match(line, at):
        return Quoted(found["text"], found.end(), "", "" if found["end"] else "'")
    found = _QUOTED.match(line, at)
    if found is None or (found["bytes"] and not bytes_too):
        return None
    kind = "double" if found["double"] is not None else "single"
    left_open = "" if found[f"end_{kind}"] else {"double": '"', "single": "'"}[kind]
    read = _bytes if found["bytes"] else _text
    value, fault = read(found[kind])
    return Quoted(value, found.end(), "" if left_open else fault, left_open)


def typed(value: str | bytes) -> str:
    """Write a value so that typing it gives the value again: bare, quoted, or b".."."""
    if isinstance(value, bytes):
        return f'b"{_written_bytes(value)}"'
    if _BARE.fullmatch(value) and value.isprintable():
        return value
    return f'"{"".join(map(_written, value))}"'


def _written(char: str) -> str:
    if char in _WRITTEN:
        return _WRITTEN[char]
    if char.isprintable():
        return char
    code = ord(char)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def _written_bytes(data: bytes) -> str:
    """Write bytes with what is UTF-8 text in them as that text."""
    text = data.replace(b"\\", b"\\\\").replace(b'"', b'\\"').decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else _each_byte(char) for char in text)


def _each_byte(char: str) -> str:
    return _WRITTEN.get(char) or "".join(f"\\x{byte:02x}" for byte in char.encode())


def _text(written: str) -> tuple[str, str]:
    """Undo the escapes; returns the text and what is wrong."""
    wrong: list[str] = []

    def meant(escape: re.Match[str]) -> str:
        code = escape[1] or escape[2] or escape[3]
        if code and int(code, 16) <= 0x10FFFF:
            return chr(int(code, 16))
        if escape[4] and escape[4] in _NAMED:
            return _NAMED[escape[4]]
        wrong.append(escape[0])
        return escape[0]

    text = _ESCAPE.sub(meant, written)
    return text, f"{wrong[0]} {BAD_ESCAPE}" if wrong else ""


def _bytes(written: str) -> tuple[bytes, str]:
    """Undo the escapes; what is not escaped stands for its UTF-8."""
    parts: list[bytes] = []
    wrong: list[str] = []
    at = 0
    for escape in _ESCAPE.finditer(written):
        parts.append(_encoded(written[at : escape.start()]))
        at = escape.end()
        if escape[1]:
            parts.append(bytes.fromhex(escape[1]))
        elif escape[4] and escape[4] in _NAMED:
            parts.append(_NAMED[escape[4]].encode())
        else:
            wrong.append(escape[0])
    parts.append(_encoded(written[at:]))
    why = f'{wrong[0]} is no escape in b".."; \\\\ is a backslash, \\xHH a byte' if wrong else ""
    return b"".join(parts), why


def _encoded(text: str) -> bytes:
    """Encode as UTF-8; bytes that were no UTF-8 when they came in are those bytes again."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
