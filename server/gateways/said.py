"""Requests and replies of the gateways as the log of requests shows them.

Rule: values are given by their size alone. It logs nothing itself (server/requestlog.py).
"""

from __future__ import annotations

from collections.abc import Callable

from ..requestlog import begun, quoted
from .definition import Words

__all__ = ["noted"]


def noted(origin: str, words: Words) -> Callable[[bytes], None]:
    """Log a request; what is returned logs its reply."""
    replied = begun(origin, _request(words))
    return lambda reply: replied(_reply(reply))


def _request(words: Words) -> str:
    """Show a request: the command, its first argument, how many bytes the others have."""
    if not words:
        return "no request"
    shown = [quoted(word) for word in words[:2]]
    rest = sum(map(len, words[2:]))
    return " ".join(shown) + (f" and {rest} bytes" if len(words) > 2 else "")


def _reply(reply: bytes) -> str:
    """Show a reply: a word, an error or a number as it is, the size of anything longer."""
    if reply[:1] in b"+-:":
        return quoted(reply.strip())
    return "nothing" if reply == b"$-1\r\n" else f"{len(reply)} bytes"
