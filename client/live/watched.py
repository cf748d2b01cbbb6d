"""A view that a poller keeps up to date: what both the terminal and the plain forms look at.

Rule: looks arrive in threads and are taken in here, in the one that asks for a picture.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from ..options import Options
from .poller import CALM, Events, Known, Members, News, Pace, Poller, Trouble
from .view import Look, Picture, View

__all__ = ["Watched"]


class Watched:
    """The cluster that options name; looked at within this context."""

    def __init__(
        self,
        options: Options,
        pace: Pace = CALM,
        also: Callable[[News], None] = lambda news: None,
    ) -> None:
        """Look at nobody yet; `also` gets all that is seen, when it is taken in."""
        self.view = View()
        self._also = also
        self._news: SimpleQueue[News] = SimpleQueue()
        self._poller = Poller(options.connect, options.config, options.named, self._news.put, pace)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._poller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End."""
        self._poller.close()

    def picture(self) -> Picture:
        """Take in what was seen, and make the picture of it."""
        self.take_in()
        return self.view.picture(time.monotonic(), time.time())

    def take_in(self) -> bool:
        """Take in what was seen; whether there was anything."""
        taken = 0
        with contextlib.suppress(Empty):
            while True:
                self._take_in(self._news.get_nowait())
                taken += 1
        return taken > 0

    def _take_in(self, news: News) -> None:
        self._also(news)
        wall = time.time() - time.monotonic()
        if isinstance(news, Members):
            self.view.members(news.addresses, news.cluster)
        elif isinstance(news, Events):
            at = news.at + wall
            self.view.reported(news.replica, [(at - ago, event) for ago, event in news.events])
        elif isinstance(news, Known):
            self.view.coordinated(news.entries)
        elif isinstance(news, Trouble):
            self.view.trouble = news.text
        elif isinstance(news, Look):
            self.view.looked(news, news.at + wall)
