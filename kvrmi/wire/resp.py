"""Requests of a byte stream, as redis-cli or a person with nc sends them: RESP2 arrays and lines.

Rules: bytes may come in any pieces; nothing is kept beyond the limits; what breaks the form is one
ProtocolError, after which the stream is of no more use. A request is a list of words, the first of
them names the command. It knows no command and does no I/O.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .inline import LineError, split

__all__ = [
    "BULK_BYTES",
    "LINE_BYTES",
    "REQUEST_BYTES",
    "WORDS",
    "ProtocolError",
    "Requests",
    "packed",
]

BULK_BYTES = 1 << 20
"""Most bytes of one word: what a value may have."""
REQUEST_BYTES = 4 << 20
"""Most bytes of all words of one request."""
LINE_BYTES = 1 << 16
"""Most bytes of an inline request."""
WORDS = 100_001
"""Most words of a request: 50,000 pairs and their command."""

_HEAD_BYTES = 16
"""Most bytes of a line that gives a length."""
_END = b"\r\n"
_ARRAY, _BULK = b"*$"
_HTTP = re.compile(rb"POST |[Hh]ost:|[A-Z]+ \S+ HTTP/1\.[01]$")
"""What a browser sends that a page had connect here: none of its lines is to be obeyed."""


def packed(words: Sequence[bytes]) -> bytes:
    """Write a request as an array."""
    bulks = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%s" % (len(words), bulks)


class ProtocolError(ValueError):
    """These bytes are no request; nothing after them can be read."""


class Requests:
    """The requests of one stream, whole ones first."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._data = bytearray()
        self._at = 0
        """What lies before it was taken."""
        self._words: list[bytes] = []
        self._missing = 0
        """Words that the array under way still lacks."""
        self._room = REQUEST_BYTES

    @property
    def unfinished(self) -> int:
        """Bytes that are kept."""
        return len(self._data) - self._at + REQUEST_BYTES - self._room

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        del self._data[: self._at]
        self._at = 0
        self._data += data

    def take(self) -> list[bytes] | None:
        """Return the next whole request, None while there is none. Raises ProtocolError."""
        while self._missing or self._begin():
            while self._missing:
                word = self._bulk()
                if word is None:
                    return None
                self._words.append(word)
                self._missing -= 1
            words, self._words = self._words, []
            self._room = REQUEST_BYTES
            if words:
                return words
        return None

    def _begin(self) -> bool:
        """Take the line that a request begins with; False while it is not whole."""
        if self._at >= len(self._data):
            return False
        if self._data[self._at] == _ARRAY:
            count = self._length(_ARRAY)
            if count is None:
                return False
            if count > WORDS:
                raise ProtocolError(f"over {WORDS} words in one request")
            self._missing = max(count, 0)
            return True
        return self._line()

    def _line(self) -> bool:
        end = self._data.find(b"\n", self._at)
        if (len(self._data) if end < 0 else end) - self._at > LINE_BYTES:
            raise ProtocolError(f"a line of over {LINE_BYTES} bytes")
        if end < 0:
            return False
        line = bytes(self._data[self._at : end]).removesuffix(b"\r")
        self._at = end + 1
        if _HTTP.match(line):
            raise ProtocolError("this is no HTTP server")
        try:
            self._words = split(line)
        except LineError as error:
            raise ProtocolError(str(error)) from None
        return True

    def _bulk(self) -> bytes | None:
        """Take one word; None while it is not whole: its length is then read anew."""
        before = self._at
        size = self._length(_BULK)
        if size is None:
            return None
        if not 0 <= size <= BULK_BYTES:
            raise ProtocolError(f"a word has 0 to {BULK_BYTES} bytes, not {size}")
        if size > self._room:
            raise ProtocolError(f"over {REQUEST_BYTES} bytes in one request")
        end = self._at + size
        if len(self._data) < end + len(_END):
            self._at = before
            return None
        if self._data[end : end + len(_END)] != _END:
            raise ProtocolError(f"a word of {size} bytes does not end after them")
        word = bytes(self._data[self._at : end])
        self._at = end + len(_END)
        self._room -= size
        return word

    def _length(self, sign: int) -> int | None:
        """Take a line that is a sign and a number; None while it is not whole."""
        data, at = self._data, self._at
        end = data.find(_END, at, at + _HEAD_BYTES)
        if end > at and data[at] == sign:
            digits = data[at + 1 : end]
            if digits.isdigit():
                self._at = end + 2
                return int(digits)
        if at < len(data) and data[at] != sign:
            raise ProtocolError(f"expected {chr(sign)}, got {chr(data[at])!a}")
        if end < 0 and len(data) - at < _HEAD_BYTES:
            return None
        if end < 0 or not data[at + 1 : end].removeprefix(b"-").isdigit():
            raise ProtocolError(f"no number after {chr(sign)}")
        self._at = end + 2
        return int(data[at + 1 : end])
