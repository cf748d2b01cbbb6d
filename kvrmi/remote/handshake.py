"""The caller's side of Pyro5's handshake, without a connection: messages to send, answers to take.

Rules: who shows credentials checks the first answer and proves itself then, in a second exchange,
and is not connected before; it sends nothing, waits for nothing and knows no time.
"""

from __future__ import annotations

from typing import Any

from .frames import COMPRESSED, CONNECT, CONNECT_FAIL, CONNECT_OK, Frame, FrameError, pack
from .identity import Credentials, Refused
from .payload import dump, load

__all__ = ["Handshake"]


class Handshake:
    """One, with the object called `name`; of as many exchanges as it takes."""

    def __init__(
        self, name: str, credentials: Credentials | None, shown: object, serializer: int
    ) -> None:
        """Without credentials the handshake's data is what is `shown`."""
        self.answer: dict[str, Any] = {}
        """The daemon's last answer; once it is over, that describes the object."""
        self._name = name
        self._credentials = credentials
        self._shown = shown
        self._serializer = serializer
        self._announced: dict[str, Any] | None = None

    def begin(self) -> bytes:
        """Return the first message."""
        if self._credentials is not None:
            self._announced = self._credentials.announce()
        return self._message(self._announced or self._shown)

    def answered(self, frame: Frame) -> bytes | None:
        """Take the answer of the last message; the next one, None when it is over.

        Raises FrameError or PayloadError when that is no Pyro daemon, and Refused.
        """
        self.answer = _read(frame)
        if self._credentials is not None and self._announced is not None:
            announced, self._announced = self._announced, None
            given = self.answer.get("handshake")
            return self._message(self._credentials.prove(self._name, announced, given))
        if not _describes(self.answer.get("meta")):
            raise FrameError("not the answer to a handshake")
        return None

    def _message(self, shown: object) -> bytes:
        data = dump(self._serializer, {"handshake": shown, "object": self._name})
        return pack(CONNECT, self._serializer, 0, 0, data)


def _read(frame: Frame) -> dict[str, Any]:
    if frame.kind not in (CONNECT_OK, CONNECT_FAIL) or frame.flags & COMPRESSED:
        raise FrameError("not the answer to a handshake")
    answer = load(frame.serializer, frame.payload)
    if frame.kind == CONNECT_FAIL:
        raise Refused(f"connection refused: {answer}")
    if not isinstance(answer, dict):
        raise FrameError("not the answer to a handshake")
    return answer


def _describes(meta: object) -> bool:
    """Return whether `meta` has the names of an object's members, as proxies need them."""
    return isinstance(meta, dict) and all(
        isinstance(meta.get(each), (list, tuple, set)) for each in ("methods", "oneway", "attrs")
    )
