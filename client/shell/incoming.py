"""The lines of a pipe or a file, while something else goes on until the next is there.

Rule: a line is yielded as soon as it is whole; a stream without a descriptor is read as it is. It
knows no commands.
"""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Callable, Iterator
from typing import TextIO

__all__ = ["incoming"]

_CHUNK = 1 << 16


def incoming(stream: TextIO, until_readable: Callable[[int], None]) -> Iterator[str]:
    """Yield the lines of a stream of which nothing was read yet.

    `until_readable` is called before each read with the descriptor, and returns once it can be
    read without waiting.
    """
    try:
        descriptor = stream.fileno()
    except (AttributeError, io.UnsupportedOperation):
        yield from stream
        return
    decode = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(stream.encoding)(stream.errors or "strict"), translate=True
    )
    half: list[str] = []
    data = b"begin"
    while data:
        until_readable(descriptor)
        data = os.read(descriptor, _CHUNK)
        *lines, rest = decode.decode(data, final=not data).split("\n")
        for line in lines:
            yield "".join([*half, line, "\n"])
            half.clear()
        half.append(rest)
    if any(half):
        yield "".join(half)
