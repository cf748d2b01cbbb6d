"""The live page over HTTP: its stream of frames, and its orders.

Rules: the stream is read by whoever has the cookie; orders are POSTs, with the token. An order is
carried out in a thread, so that frames go on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from threading import Lock
from typing import Annotated, TypeVar

import anyio
import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ...options import Options
from ..bodies import TooLarge, body
from .collector import Collector
from .orders import Asked, give
from .slots import Slot, explain
from .work import MOST, Work

__all__ = ["Live"]


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many clients a page wants."""

    clients: Annotated[int, msgspec.Meta(ge=0, le=MOST)]


class Live:
    """Routes of the live page, and the task behind them."""

    def __init__(self, options: Options, ended: Callable[[], bool]) -> None:
        """Show the cluster of `options`; `ended`: whether the lab is asked to end."""
        self._options = options
        self._taking = Lock()
        """Held by orders that take something away: one after the other, whichever page asked."""
        self._work = Work(options, lambda report: self._collector.worked(report))
        self._collector = Collector(options, ended, self._work.close)

    @property
    def routes(self) -> Sequence[Route]:
        """What is served besides the page itself."""
        return [
            Route("/live/stream", self.stream),
            Route("/live/order", self.order, methods=["POST"]),
            Route("/live/load", self.load, methods=["POST"]),
            Route("/live/why", self.why, methods=["POST"]),
        ]

    @asynccontextmanager
    async def running(self, app: Starlette) -> AsyncIterator[None]:
        """Run the collector while the application runs."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._collector.run)
            yield
            group.cancel_scope.cancel()
        self._work.close()

    async def stream(self, request: Request) -> Response:
        """Send frames as server-sent events, until the page or the lab ends."""
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[bytes]:
        async for frame in self._collector.frames():
            yield b"data: %s\n\n" % frame if frame else b": still here\n\n"

    async def order(self, request: Request) -> Response:
        """Carry out orders; what came of them."""
        return await _answered(request, Asked, partial(give, self._options, self._taking))

    async def load(self, request: Request) -> Response:
        """Have so many clients of the page's own."""
        return await _answered(request, Wanted, self._want)

    async def why(self, request: Request) -> Response:
        """Say why a slot has its value."""
        return await _answered(request, Slot, partial(explain, self._options))

    def _want(self, wanted: Wanted) -> dict[str, object]:
        self._work.want(wanted.clients)
        return {"said": []}


T = TypeVar("T")


async def _answered(
    request: Request, kind: type[T], act: Callable[[T], Mapping[str, object]]
) -> Response:
    """Read a request and do what it asks, in a thread."""
    try:
        asked = msgspec.json.decode(await body(request), type=kind)
    except (msgspec.MsgspecError, TooLarge) as error:
        return PlainTextResponse(f"{error}\n", 400)
    return JSONResponse(await anyio.to_thread.run_sync(act, asked))
