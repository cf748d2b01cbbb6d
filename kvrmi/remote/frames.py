"""Pyro5's wire frames: the 40-byte header, and what is refused before a payload is looked at.

Rules: a length is believed only up to the caller's limit; annotations are skipped, never parsed;
nothing is ever decompressed. It opens no socket and knows no serializer.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = [
    "BATCH",
    "COMPRESSED",
    "CONNECT",
    "CONNECT_FAIL",
    "CONNECT_OK",
    "CORRELATED",
    "EXCEPTION",
    "HEADER_BYTES",
    "INVOKE",
    "KEEP_SERIALIZED",
    "ONEWAY",
    "PING",
    "RESULT",
    "Frame",
    "FrameError",
    "OtherVersion",
    "TooLarge",
    "measure",
    "pack",
    "take",
]

CONNECT, CONNECT_OK, CONNECT_FAIL, INVOKE, RESULT, PING = 1, 2, 3, 4, 5, 6
"""Message types."""
EXCEPTION, COMPRESSED, ONEWAY, BATCH = 1, 2, 4, 8
KEEP_SERIALIZED, CORRELATED = 32, 64
"""Flags."""

_HEADER = struct.Struct("!4sHBBHHII16sHH")
HEADER_BYTES = _HEADER.size
_TAG, _VERSION, _MAGIC = b"PYRO", 502, 0x4DC5
_VERSION_END = 6
_UNCORRELATED = bytes(16)


class FrameError(Exception):
    """The bytes are no frame of ours, or a larger one than is taken; the stream is lost."""


class OtherVersion(FrameError):
    """The message is Pyro's, of another version of its protocol than ours."""


class Frame(NamedTuple):
    """One message; `correlation` is echoed in answers."""

    kind: int
    serializer: int
    flags: int
    sequence: int
    correlation: bytes
    payload: bytes


class TooLarge(FrameError):
    """A frame has more than is taken; `head` is it without a payload, `size` what it has behind."""

    def __init__(self, head: Frame, size: int, limit: int) -> None:
        """`limit` bytes are taken at most."""
        super().__init__(f"frame of {size} bytes, at most {limit} are taken")
        self.head = head
        self.size = size
        self.limit = limit


def pack(
    kind: int,
    serializer: int,
    flags: int,
    sequence: int,
    payload: bytes,
    correlation: bytes = _UNCORRELATED,
) -> bytes:
    """Make the bytes of one frame without annotations."""
    header = _HEADER.pack(
        _TAG, _VERSION, kind, serializer, flags, sequence, len(payload), 0, correlation, 0, _MAGIC
    )
    return header + payload


def measure(data: bytes | bytearray, limit: int) -> int:
    """How many bytes the frame at the start of `data` has, header included; 0: not known yet.

    Raises FrameError as soon as `data` cannot be the start of a frame of at most `limit` bytes.
    """
    if not _TAG.startswith(bytes(data[:4])):
        raise FrameError("not a Pyro frame")
    if len(data) >= _VERSION_END:
        # Other versions have other headers, so this is refused before the rest is awaited.
        version = int.from_bytes(data[len(_TAG) : _VERSION_END], "big")
        if version != _VERSION:
            raise OtherVersion(
                f"Pyro's protocol version {_VERSION} (Pyro5) is spoken here, not {version}"
            )
    if len(data) < HEADER_BYTES:
        return 0
    (
        _, _, kind, serializer, flags, sequence, size, annotations, correlation, _, magic,
    ) = _HEADER.unpack_from(data)  # fmt: skip
    if magic != _MAGIC:
        raise FrameError("not a Pyro frame")
    if size + annotations > limit:
        head = Frame(kind, serializer, flags, sequence, correlation, b"")
        raise TooLarge(head, size + annotations, limit)
    return HEADER_BYTES + int(size) + int(annotations)


def take(data: bytes | bytearray, limit: int) -> tuple[Frame, int] | None:
    """Read the first frame of `data` and where it ends; None while it is incomplete.

    Raises FrameError like `measure`.
    """
    if len(data) < HEADER_BYTES:
        measure(data, limit)
        return None
    (
        tag, version, kind, serializer, flags, sequence, size, annotations, correlation, _, magic,
    ) = _HEADER.unpack_from(data)  # fmt: skip
    if tag != _TAG or version != _VERSION or magic != _MAGIC or size + annotations > limit:
        measure(data, limit)
    start = HEADER_BYTES + annotations
    end = start + size
    if len(data) < end:
        return None
    return Frame(kind, serializer, flags, sequence, correlation, bytes(data[start:end])), end
