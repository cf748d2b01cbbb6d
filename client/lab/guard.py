"""Who may ask the lab's server: our own page in the browser that was given the token, nobody else.

Rules: the Host must be ours, or another site's name that leads to 127.0.0.1 could ask; what is not
the first address needs the cookie; what changes something needs the token in a header as well,
which other sites cannot send. It knows nothing of what is asked for.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADER", "POLICY", "Guard"]

HEADER = "x-kvrmi-token"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page takes nothing from elsewhere, and stands in no other page."""

_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_ENTRY_PATHS = ("/", "/live")
"""Addresses that take the token."""
_STRANGER = "This address needs the token: open the lab by the whole address that it printed.\n"


class Guard:
    """Lets through what may pass; to be put around an application."""

    def __init__(self, app: ASGIApp, token: str, names: Collection[str], port: int) -> None:
        """`names` are what this host may be called: 127.0.0.1, localhost."""
        self._app = app
        self._token = token
        self._hosts = frozenset(f"{name}:{port}" for name in names)
        self._cookie = f"kvrmi-lab-{port}"
        """Cookies are shared by all ports of a host, and several labs may run."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, greet, or let through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await (self._answer(Request(scope)) or self._app)(scope, receive, hardened)

    def _answer(self, request: Request) -> Response | None:
        """Return what is answered in place of the application's answer; None: let through."""
        if request.headers.get("host", "") not in self._hosts:
            return PlainTextResponse("This is not the lab's address.\n", 421)
        given = request.query_params.get("token")
        if given is not None and request.method == "GET" and request.url.path in _ENTRY_PATHS:
            return (
                self._greeting(request.url.path)
                if self._is_token(given)
                else PlainTextResponse(_STRANGER, 403)
            )
        if not self._is_token(request.cookies.get(self._cookie, "")):
            return PlainTextResponse(_STRANGER, 403)
        if request.method == "POST" and not self._is_token(request.headers.get(HEADER, "")):
            return PlainTextResponse(
                "The token's header is missing or wrong: nothing was done.\n", 403
            )
        return None

    def _greeting(self, path: str) -> Response:
        """Move the token from the address into a cookie; the browser keeps what follows the #."""
        answer = RedirectResponse(path, 303)
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return answer

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())
