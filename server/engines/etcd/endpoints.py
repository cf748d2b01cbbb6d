"""Talks to an etcd cluster through etcd3gw: any of its endpoints, the next one where one fails.

Rules: what could not be sent was not done; what was sent and not answered may have been, and is
sent again only where that is harmless; all of it ends by a deadline. One connection an endpoint and
thread. It knows no operation.
"""

from __future__ import annotations

import json
import math
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
from etcd3gw.client import Etcd3Client
from etcd3gw.exceptions import ConnectionFailedError, ConnectionTimeoutError, Etcd3Exception
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from kvrmi.cluster.naming import join_address

from .settings import Settings

__all__ = ["Endpoints", "Failed"]

ATTEMPT_SECONDS = 1.0
"""What one endpoint may take where another can be asked as well."""
ENOUGH_SECONDS = 0.25
"""With less left nobody is asked again who refused: cut short, the outcome would be unknown."""
PAUSE_SECONDS = 0.05
"""Before all endpoints are asked again."""
_NEEDS_LEADER = {"Grpc-Metadata-hasleader": "true"}
"""Has a member without a leader refuse at once, and not wait for one: so nothing was done."""
_NO_LEADER = "no leader"
_EXPIRED = "invalid auth token"
_SHOWN = 200
"""Characters of what etcd says."""
_TOO_LARGE = ("too many operations in txn", "request is too large", "message larger than max")
"""What etcd's --max-txn-ops and --max-request-bytes refuse, however often it comes."""


class Failed(Exception):
    """No endpoint carried it out. `code` is that of the answer; the text says why."""

    def __init__(self, code: str, why: str) -> None:
        """`why` as found; the text says besides that nothing was done, if so it is."""
        super().__init__(why if code == "UNKNOWN_OUTCOME" else f"{why}; nothing was done")
        self.code = code
        self.why = why


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

    @property
    def answered(self) -> str:
        """The one that answered last, as host:port."""
        return join_address(*self._settings.endpoints[self._first])

    def ask(
        self,
        path: str,
        body: dict[str, Any],
        deadline: float,
        *,
        repeatable: bool,
        alone: bool = False,
    ) -> Any:
        """Have a request carried out by `deadline`; its answer. Raises Failed.

        `repeatable`: to carry it out twice is the same as once; `alone`: a member without a leader
        may answer it too.
        """
        headers = {} if alone else _NEEDS_LEADER
        attempts = _Attempts(repeatable)
        longest = ATTEMPT_SECONDS if repeatable else math.inf
        while True:
            for number in range(len(self._settings.endpoints)):
                at = (self._first + number) % len(self._settings.endpoints)
                left = deadline - self._clock()
                if left <= (ENOUGH_SECONDS if attempts.nothing_done else 0):
                    raise attempts.failed()
                try:
                    found = self._post(at, path, body, headers, min(left, longest))
                except Etcd3Exception as error:
                    attempts.add(error, self._settings.endpoints[at])
                else:
                    self._first = at
                    return found
            time.sleep(PAUSE_SECONDS)

    def _post(
        self, at: int, path: str, body: dict[str, Any], headers: dict[str, str], seconds: float
    ) -> Any:
        client = self._client(at)
        client.timeout = seconds
        if self._settings.user is not None:
            client.session.headers["Authorization"] = self._token or self._authenticated(client)
        try:
            return client.post(client.get_url(path), json=body, headers=headers)
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
            clients[at].session.trust_env = False  # the file says all, and looking takes time
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
        self._found: dict[str, str] = {}
        """What came of it at each endpoint at last."""
        self._repeatable = repeatable
        self._maybe_done = False
        self._reached = False

    def add(self, error: Etcd3Exception, endpoint: tuple[str, int]) -> None:
        """Take note of one that failed; raises Failed where no other may be asked."""
        text = self._found[join_address(*endpoint)] = _text(error)
        if _never_sent(error):
            return
        self._reached = True
        if _NO_LEADER in text or _EXPIRED in text:
            return
        if any(refusal in text for refusal in _TOO_LARGE):
            raise Failed("INVALID", f"larger than etcd takes ({text})")
        if not isinstance(error, ConnectionFailedError | ConnectionTimeoutError):
            raise Failed("UNAVAILABLE", self.why)
        self._maybe_done = True
        if not self._repeatable:
            raise self.failed()

    @property
    def nothing_done(self) -> bool:
        """Whether all that were asked, and somebody was, are known not to have done it."""
        return bool(self._found) and not self._maybe_done

    @property
    def why(self) -> str:
        """Say what each endpoint answered, those together that answered the same."""
        at: dict[str, list[str]] = {}
        for endpoint, text in self._found.items():
            at.setdefault(text, []).append(endpoint)
        said = [f"at {', '.join(endpoints)}: {text}" for text, endpoints in at.items()]
        return f"etcd {'; '.join(said)}" if said else "no endpoint of etcd was asked"

    def failed(self) -> Failed:
        """Return what is known in the end."""
        if self._maybe_done:
            return Failed("UNKNOWN_OUTCOME", self.why)
        code = "NO_QUORUM" if self._reached else "UNAVAILABLE"
        return Failed(code, self.why)


def _never_sent(error: Etcd3Exception) -> bool:
    if _bad_certificate(error) is not None:
        return True
    cause = error.__context__
    if not isinstance(cause, requests.exceptions.ConnectionError) or not cause.args:
        return False
    reason = getattr(cause.args[0], "reason", cause.args[0])
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _text(error: Etcd3Exception) -> str:
    """Say in a few words why an endpoint did not do it."""
    cause = error.__context__
    if isinstance(cause, requests.exceptions.Timeout):
        return "no answer in time"
    if not isinstance(cause, requests.exceptions.ConnectionError):
        return _message(error)[:_SHOWN]
    if (bad := _bad_certificate(error)) is not None:
        return f"its certificate is refused: {bad.verify_message}"
    return "nobody listens there" if _never_sent(error) else "the connection broke"


def _message(error: Etcd3Exception) -> str:
    text = str(error.detail_text or error)
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text


def _bad_certificate(error: BaseException) -> ssl.SSLCertVerificationError | None:
    found = (one for one in _causes(error) if isinstance(one, ssl.SSLCertVerificationError))
    return next(found, None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it wraps."""
    yield error
    wrapped = [error.__context__, getattr(error, "reason", None), *error.args]
    for one in wrapped:
        if isinstance(one, BaseException):
            yield from _causes(one)
