"""Messages between replicas as bytes, and back.

Rules: every message begins with a format version; what `decode` lets through has exactly the types
and bounds that its class declares, so that no role ever meets a stranger's mistake; anything else
is Malformed and nothing but Malformed. The checks are made from the declared classes themselves:
the two cannot drift apart. It knows no message by name.
"""

from __future__ import annotations

from typing import Any, Literal, Union

import msgspec

from ..storage.interface import Number
from .contract import Address, Message
from .declaration import Declaration

__all__ = ["MESSAGE_BYTES", "Codec", "Malformed"]

MESSAGE_BYTES = 4 << 20
"""Longest message; peers' connections carry no more."""


class Malformed(ValueError):
    """Bytes that are no message of this format."""


class Codec:
    """The wire form of one declaration's messages; safe to use from any thread."""

    def __init__(self, declared: Declaration) -> None:
        """Make the reader once. Raises TypeError where two messages have one number."""
        self._format = declared.format
        self._wire = frozenset(declared.messages)
        self._frame: type[Any] = _frame(declared)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(self._frame).decode

    def encode(self, sender: Address, message: Message) -> bytes:
        """Encode a message that has a wire form; raises ValueError for a local one."""
        if type(message) not in self._wire:
            raise ValueError(f"{type(message).__name__} does not leave its replica")
        return self._encode(self._frame(self._format, sender.replica, sender.role, message))

    def decode(self, data: bytes) -> tuple[Address, Message]:
        """Decode a message, every field of it checked; raises Malformed."""
        if len(data) > MESSAGE_BYTES:
            raise Malformed(f"a message of {len(data)} bytes")
        try:
            frame = self._decode(data)
        except (ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors
            raise Malformed(str(error)) from error
        return Address(frame.replica, frame.role), frame.message


def _frame(declared: Declaration) -> type[Any]:
    """Make the class of what stands around each message: the format, and who sends it."""
    return msgspec.defstruct(
        "Frame",
        [
            ("format", Literal[declared.format]),
            ("replica", Number),
            ("role", Literal[declared.roles]),
            ("message", Union[declared.messages or (None,)]),  # noqa: UP007
        ],
        frozen=True,
        array_like=True,
        forbid_unknown_fields=True,
        gc=False,
    )
