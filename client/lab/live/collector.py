"""One look at the cluster for all pages: what the terminal's live view sees, in batches.

Rules: nobody is asked while no page looks; all pages get the same bytes, made once for each batch.
At most PAGES look at the same time: a browser opens six connections to a host and would hang at the
next page, so the page that has looked longest gives way. It gives no order.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager

import anyio
import anyio.to_thread

from ...live.poller import Pace
from ...live.watched import Watched
from ...options import Options
from .feed import Feed
from .frames import Frames

__all__ = ["Collector"]

BATCH_SECONDS = 0.05
PACE = Pace(oftenest=0.25, seldomest=0.5, events=0.2, moments=0.1)
PAGES = 4
QUIET_SECONDS = 1.0
"""After which a page gets a sign of life, and the end of the lab is looked for."""
LINGER = 5.0
"""Seconds that it goes on without a page: one that is loaded again finds what it saw."""


class Collector:
    """Looks while a page looks; used in one event loop."""

    def __init__(
        self, options: Options, ended: Callable[[], bool], deserted: Callable[[], None]
    ) -> None:
        """Look at the cluster of `options`; `ended`: whether the lab is asked to end.

        `deserted` is called in a thread when no page looks any more.
        """
        self._options = options
        self._ended = ended
        self._deserted = deserted
        self._feeds: list[Feed] = []
        self._frames = Frames()
        self.worked = self._frames.worked
        """Takes reports of the page's own clients."""
        self._wanted = anyio.Event()

    async def run(self) -> None:
        """Look whenever a page looks, until it is cancelled."""
        while True:
            await self._wanted.wait()
            with Watched(self._options, PACE, self._frames.saw) as watched:
                await self._look(watched)
            await anyio.to_thread.run_sync(self._deserted)
            self._wanted = anyio.Event()

    async def _look(self, watched: Watched) -> None:
        alone_since = anyio.current_time()
        while self._feeds or anyio.current_time() < alone_since + LINGER:
            await anyio.sleep(BATCH_SECONDS)
            if self._feeds:
                alone_since = anyio.current_time()
            if watched.take_in():
                frame = self._frames.batch(watched.picture())
                for feed in self._feeds:
                    feed.put(frame)

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """Give the frames for one page, and an empty one where there was none for a while."""
        with self._feed() as feed:
            while not self._ended():
                frame = await feed.take(QUIET_SECONDS)
                if feed.retired:
                    yield b'{"kind":"retired"}'
                    return
                yield frame or b""

    @contextmanager
    def _feed(self) -> Iterator[Feed]:
        feed = Feed(self._frames.fresh)
        while len(self._feeds) >= PAGES:
            self._feeds.pop(0).retire()
        self._feeds.append(feed)
        self._wanted.set()
        try:
            yield feed
        finally:
            if feed in self._feeds:
                self._feeds.remove(feed)
