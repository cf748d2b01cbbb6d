"""The lab's pages and runs over HTTP, for this machine alone.

Rules: GET changes nothing. A run is made when it is asked for, in a thread, one at a time, and is
sent whole; none is kept. What is wrong with a request is answered in a sentence with its status.
Who may ask is guard.py's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

import anyio
import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from .bodies import TooLarge, body
from .guard import Guard
from .live.pages import Live
from .pairs import PAIRS
from .runs import NoSuchRun, Request, dare, menu, trace
from .saved import page_files, template

__all__ = ["application"]

_KINDS = {"js": "text/javascript", "css": "text/css", "html": "text/html"}


def application(
    token: str, first: Sequence[Request], names: Sequence[str], port: int, live: Live
) -> Guard:
    """Make the application; `first` is the run that the page opens with, or two."""
    page = _Page(token, first)
    routes = [
        Route("/", page.index),
        Route("/live", page.live),
        Route("/page/{name}", page.file),
        Route("/run", page.run, methods=["POST"]),
    ]
    app = Starlette(routes=[*routes, *live.routes], lifespan=live.running)
    return Guard(app, token, names, port)


class _Page:
    def __init__(self, token: str, first: Sequence[Request]) -> None:
        given = {
            "token": token,
            "first": msgspec.to_builtins(first),
            "menu": menu(),
            "dare": dare(),
        }
        given["pairs"] = {name: msgspec.to_builtins(pair._asdict()) for name, pair in PAIRS.items()}
        self._files = page_files() | {"saved.html": template().encode()}
        self._index, self._live = (
            self._files.pop(name).decode().replace("{{given}}", escape(json.dumps(given)))
            for name in ("index.html", "live.html")
        )
        self._running = anyio.Lock()

    async def index(self, request: HttpRequest) -> Response:
        """Send the page, with what it needs to begin."""
        return Response(self._index, media_type="text/html")

    async def live(self, request: HttpRequest) -> Response:
        """Send the page that shows a running cluster."""
        return Response(self._live, media_type="text/html")

    async def file(self, request: HttpRequest) -> Response:
        """Send one of the page's files."""
        name = request.path_params["name"]
        if name not in self._files:
            return PlainTextResponse("The page has no such file.\n", 404)
        return Response(self._files[name], media_type=_KINDS[name.rpartition(".")[2]])

    async def run(self, request: HttpRequest) -> Response:
        """Make a run and send its trace."""
        try:
            asked = msgspec.json.decode(await body(request), type=Request)
            async with self._running:
                lines: list[str] = []
                await anyio.to_thread.run_sync(trace, asked, lines.append)
        except (msgspec.MsgspecError, NoSuchRun, TooLarge) as error:
            return PlainTextResponse(f"{error}\n", 400)
        return Response("".join(lines), media_type="application/x-ndjson")
