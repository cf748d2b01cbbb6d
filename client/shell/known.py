"""What is known of the cluster without asking: who answers, who leads, which keys there are.

Rules: whoever looks gets what is in memory, at once; a thread with its own connection keeps that
fresh, and a cluster that has gone makes it old, not slow. It reports no errors: the commands do.
It knows nothing of lines, commands or the screen.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from threading import Condition, Thread
from types import TracebackType
from typing import NamedTuple, Self

from kvrmi.access.events import Answered, Event
from kvrmi.access.store import Store
from kvrmi.errors import KVError

__all__ = ["PAGE", "TIMEOUT", "Keys", "Known", "Seen"]

TIMEOUT = 0.3
"""Seconds that anything asked from beside may take."""
_EVERY = 1.0
"""Seconds between two looks at who leads."""
_FIRST = 0.1
"""Seconds before the first, in which the prompt is drawn: a connection has much to load."""
_PAUSE = 0.15
"""Seconds without another key before the cluster is asked for keys."""
PAGE = 100
"""Keys that are asked for at once."""
_FRESH = 2.0
"""Seconds for which the same keys are not asked for again."""
_KEPT = 2000


class Seen(NamedTuple):
    """What the last answer was: by which replica, who leads, when by time.monotonic()."""

    replica: int | None = None
    leader: int | None = None
    at: float | None = None
    """None before the first answer."""
    silent: bool = False
    """Whether the last look brought no answer."""


class Keys:
    """Keys in memory: those used in this run, the latest first, then those of the store."""

    def __init__(self) -> None:
        """Know none."""
        self._used: dict[str, None] = {}
        self._stored: set[str] = set()

    def use(self, keys: Iterable[str]) -> None:
        """Keep keys that a command was carried out with."""
        for key in keys:
            self._used.pop(key, None)
            self._used[key] = None
        while len(self._used) > _KEPT:
            del self._used[next(iter(self._used))]

    def drop(self, keys: Iterable[str]) -> None:
        """Forget keys that are in the store no more."""
        for key in keys:
            self._used.pop(key, None)
            self._stored.discard(key)

    def stored(self, prefix: str, keys: list[str]) -> None:
        """Keep a page of the store: all keys there are with this prefix, or the first of them."""
        last = keys[-1] if len(keys) >= PAGE else None
        others = {
            key
            for key in self._stored
            if not key.startswith(prefix) or (last is not None and key > last)
        }
        self._stored = {*(others if len(others) < _KEPT else ()), *keys}

    def matching(self, prefix: str) -> list[str]:
        """List those with a prefix, a page at most."""
        used = [key for key in reversed(self._used) if key.startswith(prefix)]
        stored = sorted(key for key in self._stored if key.startswith(prefix))
        return list(dict.fromkeys(used + stored))[:PAGE]


class Known:
    """What is known, and the thread that keeps it fresh while this context lasts."""

    def __init__(self, open_store: Callable[[], Store], *, keys: bool = True) -> None:
        """`open_store` opens a connection of its own, in the thread; `keys`: ask for them too."""
        self.changed: Callable[[], None] = lambda: None
        """Called, in a thread, when there is something else to show."""
        self._open_store = open_store
        self._asks_for_keys = keys
        self._store: Store | None = None
        self._keys = Keys()
        self._seen = Seen()
        self._used: int | None = None
        self._preferred: int | None = None
        self._lock = Condition()
        self._wanted: tuple[str, float] | None = None
        self._fetched: tuple[str, float] | None = None
        self._closed = False

    @property
    def seen(self) -> Seen:
        """The last answer, or what there is instead."""
        return self._seen

    @property
    def replicas(self) -> tuple[int, ...]:
        """The ids of the replicas; none before the first look."""
        store = self._store
        return () if store is None else store.ids

    def observe(self, event: Event) -> None:
        """Learn from the attempts of the commands' own connection."""
        if isinstance(event, Answered):
            self._used = event.replica or None
            self._show(Seen(self._used, event.leader, time.monotonic()))

    def use(self, keys: Iterable[str]) -> None:
        """Keep keys that a command was carried out with."""
        with self._lock:
            self._keys.use(keys)
            self._fetched = None

    def drop(self, keys: Iterable[str]) -> None:
        """Forget keys that are in the store no more."""
        with self._lock:
            self._keys.drop(keys)
            self._fetched = None

    def matching(self, prefix: str) -> list[str]:
        """List known keys with this prefix; those of the store are asked for, and come later."""
        with self._lock:
            if self._asks_for_keys and not self._is_fresh(prefix):
                self._wanted = (prefix, time.monotonic() + _PAUSE)
                self._lock.notify()
            return self._keys.matching(prefix)

    def __enter__(self) -> Self:
        """Begin to look."""
        Thread(target=self._watch, name="known", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End; nobody waits for an answer that is still to come."""
        with self._lock:
            self._closed = True
            self._lock.notify()

    def _watch(self) -> None:
        look_at = time.monotonic() + _FIRST
        while not self._closed:
            prefix = self._next(look_at)
            if prefix is not None:
                self._fetch(prefix)
            elif time.monotonic() >= look_at:
                self._look()
                look_at = time.monotonic() + _EVERY
        if self._store is not None:
            self._store.close()

    def _next(self, look_at: float) -> str | None:
        """Wait until keys are wanted, or it is time for a look, or all is over."""
        with self._lock:
            due = look_at if self._wanted is None else min(self._wanted[1], look_at)
            if not self._closed:
                self._lock.wait(max(due - time.monotonic(), 0))
            if self._wanted is None or self._wanted[1] > time.monotonic():
                return None
            (prefix, _), self._wanted = self._wanted, None
            return prefix

    def _look(self) -> None:
        """Ask who leads. A local read costs the cluster least, and its answer names the leader."""
        try:
            answer = self._connected().call("get", " ", "local")
        except KVError:
            self._show(self._seen._replace(silent=True))
        else:
            self._show(Seen(answer["replica"], answer["leader"], time.monotonic()))

    def _fetch(self, prefix: str) -> None:
        """Ask for keys."""
        keys: list[str] | None = None
        with contextlib.suppress(KVError):
            page = self._connected().call("scan", prefix, None, PAGE)["value"]
            keys = [key for key, _ in page]
        with self._lock:
            self._fetched = (prefix, time.monotonic())
            if keys is not None:
                self._keys.stored(prefix, keys)
        self.changed()

    def _connected(self) -> Store:
        """Connect, to the replica that answered the last command; raises KVError."""
        if self._store is None:
            self._store = self._open_store()
        if self._used != self._preferred:
            self._preferred = self._used
            self._store.prefer(self._used)
        return self._store

    def _is_fresh(self, prefix: str) -> bool:
        """Whether these keys were asked for a moment ago, or will be in a moment."""
        if self._wanted is not None and self._wanted[0] == prefix:
            return True
        return (
            self._fetched is not None
            and self._fetched[0] == prefix
            and self._fetched[1] > time.monotonic() - _FRESH
        )

    def _show(self, seen: Seen) -> None:
        before, self._seen = self._seen, seen
        if seen.silent or before._replace(at=None) != seen._replace(at=None):
            self.changed()
