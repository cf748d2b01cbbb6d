"""Every request and every reply in the replica's log: `--log-requests`.

Rules: a line for each, with the time, the other end, and a number that both have; values are given
by their size alone, and what a stranger sends cannot break a line. It decides nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from time import monotonic

from .definition import Words

__all__ = ["noted", "reply_text", "request_text"]

_log = logging.getLogger("kvrmi.server.requests")
_numbers = count(1)
_SHOWN = 60
"""Bytes of a word."""


def noted(origin: str, words: Words) -> Callable[[bytes], None]:
    """Log a request; what is returned logs its reply."""
    number, began = next(_numbers), monotonic()
    _log.info("%s request %d: %s", origin, number, request_text(words))

    def replied(reply: bytes) -> None:
        took = (monotonic() - began) * 1000
        _log.info("%s reply %d: %s, %.1f ms", origin, number, reply_text(reply), took)

    return replied


def request_text(words: Words) -> str:
    """Show a request: the command, its first argument, how many bytes the others have."""
    if not words:
        return "no request"
    shown = [_quoted(word) for word in words[:2]]
    rest = sum(map(len, words[2:]))
    return " ".join(shown) + (f" and {rest} bytes" if len(words) > 2 else "")


def reply_text(reply: bytes) -> str:
    """Show a reply: a word, an error or a number as it is, the size of anything longer."""
    if reply[:1] in b"+-:":
        return _quoted(reply.strip())
    return "nothing" if reply == b"$-1\r\n" else f"{len(reply)} bytes"


def _quoted(word: bytes) -> str:
    return ascii(word[:_SHOWN].decode(errors="backslashreplace"))[1:-1]
