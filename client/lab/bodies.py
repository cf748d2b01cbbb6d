"""Reads the small bodies that pages send."""

from __future__ import annotations

from starlette.requests import Request

__all__ = ["TooLarge", "body"]

BYTES = 16_384


class TooLarge(ValueError):
    """A body is larger than any that a page sends; its text is for the user."""


async def body(request: Request) -> bytes:
    """Read a small body; raises TooLarge."""
    read = b""
    async for part in request.stream():
        read += part
        if len(read) > BYTES:
            raise TooLarge(f"a request has at most {BYTES} bytes")
    return read
