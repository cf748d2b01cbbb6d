"""What one page is sent: frames in order, in a queue that is bounded.

Rules: nobody waits for a page that is slow: what it did not take is dropped whole, and it begins
afresh with the number of frames that it missed. Used in one event loop. It knows no frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import anyio

__all__ = ["KEPT", "Feed"]

KEPT = 40
"""Frames that wait for a page at most: two seconds of them."""


class Feed:
    """The frames for one page; `fresh` makes one that holds everything, after so many missed."""

    def __init__(self, fresh: Callable[[int], bytes]) -> None:
        """Begin with a fresh frame."""
        self._fresh = fresh
        self._frames: deque[bytes] = deque()
        self._missed = 0
        self._anew = True
        self._some = anyio.Event()
        self._some.set()
        self.retired = False
        """Whether another page took its place."""

    def put(self, frame: bytes) -> None:
        """Add a frame; never waits."""
        if self._anew:
            self._missed += 1
            return  # the fresh one will hold it
        self._frames.append(frame)
        if len(self._frames) > KEPT:
            self._missed = len(self._frames)
            self._frames.clear()
            self._anew = True
        self._some.set()

    def retire(self) -> None:
        """End it: another page took its place."""
        self.retired = True
        self._some.set()

    async def take(self, seconds: float) -> bytes | None:
        """Wait for the next frame, so long at most; None if none came."""
        with anyio.move_on_after(seconds):
            await self._some.wait()
        frame: bytes | None
        if self._anew:
            frame, self._missed, self._anew = self._fresh(self._missed), 0, False
        else:
            frame = self._frames.popleft() if self._frames else None
        if not self._frames and not self.retired:
            self._some = anyio.Event()
        return frame
