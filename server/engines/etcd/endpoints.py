"""Talks to an etcd cluster through etcd3gw: any of its endpoints, the next one where one fails.

Rules: what could not be sent was not done; what was sent and not answered may have been, and is
sent again only where that is harmless; all of it ends by a deadline. One connection an endpoint and
thread. It knows no operation.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from etcd3gw.client import Etcd3Client
from etcd3gw.exceptions import ConnectionFailedError, ConnectionTimeoutError, Etcd3Exception
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from .settings import Settings

__all__ = ["Endpoints", "Failed"]

ATTEMPT_SECONDS = 1.0
"""What one endpoint may take where another can be asked as well."""
PAUSE_SECONDS = 0.05
"""Before all endpoints are asked again."""
_NO_LEADER = "no leader"
_EXPIRED = "invalid auth token"


class Failed(Exception):
    """No endpoint carried it out. `code` is that of the answer; the text says why."""

    def __init__(self, code: str, why: str) -> None:
        """Say what is known: UNKNOWN_OUTCOME, or that nothing was done."""
        super().__init__(why)
        self.code = code


class Endpoints:
    """Connections to all endpoints; safe to use from any thread."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        """Connect to nobody yet."""
        self._settings = settings
        self._clock = clock
        self._local = threading.local()
        self._first = 0
        """The one that answered last."""
        self._token: str | None = None

    def ask(self, path: str, body: dict[str, Any], deadline: float, *, repeatable: bool) -> Any:
        """Have a request carried out by `deadline`; its answer. Raises Failed.

        `repeatable`: to carry it out twice is the same as once.
        """
        attempts = _Attempts(repeatable)
        longest = ATTEMPT_SECONDS if repeatable else math.inf
        while True:
            for number in range(len(self._settings.endpoints)):
                at = (self._first + number) % len(self._settings.endpoints)
                left = deadline - self._clock()
                if left <= 0:
                    raise attempts.failed()
                try:
                    found = self._post(at, path, body, min(left, longest))
                except Etcd3Exception as error:
                    attempts.add(error, self._settings.endpoints[at])
                else:
                    self._first = at
                    return found
            time.sleep(PAUSE_SECONDS)

    def _post(self, at: int, path: str, body: dict[str, Any], seconds: float) -> Any:
        client = self._client(at)
        client.timeout = seconds
        if self._settings.user is not None:
            client.session.headers["Authorization"] = self._token or self._authenticated(client)
        try:
            return client.post(client.get_url(path), json=body)
        except Etcd3Exception as error:
            if _EXPIRED in _text(error):
                self._token = None
            raise

    def _client(self, at: int) -> Etcd3Client:
        clients: dict[int, Etcd3Client] = self._local.__dict__.setdefault("clients", {})
        if at not in clients:
            (host, port), known = self._settings.endpoints[at], self._settings
            clients[at] = Etcd3Client(
                host, port, known.protocol, known.ca, known.key, known.cert, api_path="/v3/"
            )
        return clients[at]

    def _authenticated(self, client: Etcd3Client) -> str:
        known = self._settings
        password = Path(known.password_file).read_text().strip() if known.password_file else ""
        body = {"name": known.user, "password": password}
        client.session.headers.pop("Authorization", None)
        self._token = str(client.post(client.get_url("/auth/authenticate"), json=body)["token"])
        return self._token


class _Attempts:
    """What became of a request so far."""

    def __init__(self, repeatable: bool) -> None:
        self.why = "no endpoint was asked"
        self._repeatable = repeatable
        self._maybe_done = False
        self._reached = False

    def add(self, error: Etcd3Exception, endpoint: tuple[str, int]) -> None:
        """Take note of one that failed; raises Failed where no other may be asked."""
        text = _text(error)
        self.why = f"etcd at {endpoint[0]}:{endpoint[1]}: {text}"
        if _never_sent(error):
            return
        self._reached = True
        if _NO_LEADER in text or _EXPIRED in text:
            return
        if not isinstance(error, ConnectionFailedError | ConnectionTimeoutError):
            raise Failed("UNAVAILABLE", f"{self.why}; nothing was done")
        self._maybe_done = True
        if not self._repeatable:
            raise self.failed()

    def failed(self) -> Failed:
        """Return what is known in the end."""
        if self._maybe_done:
            return Failed("UNKNOWN_OUTCOME", self.why)
        code = "NO_QUORUM" if self._reached else "UNAVAILABLE"
        return Failed(code, f"{self.why}; nothing was done")


def _never_sent(error: Etcd3Exception) -> bool:
    cause = error.__context__
    if not isinstance(cause, requests.exceptions.ConnectionError) or not cause.args:
        return False
    reason = getattr(cause.args[0], "reason", cause.args[0])
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _text(error: Etcd3Exception) -> str:
    return str(error.detail_text or error)[:200]
