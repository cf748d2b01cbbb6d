"""Looks at the replicas again and again, each in a thread of its own, and brings what was seen.

Rules: nobody waits for anybody: a replica that hangs delays its own row alone, and every call has
a deadline; a cluster that is not there is looked for until it is. It keeps nothing of what it saw,
and gives no order.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from typing import Any, NamedTuple, TypeAlias, cast

from kvrmi.access.admins import Admins
from kvrmi.access.candidates import Candidate
from kvrmi.access.connections import Connections
from kvrmi.access.findings import Lost, Unsent
from kvrmi.access.lookup import Endpoint
from kvrmi.access.store import Store
from kvrmi.cluster.naming import kvstore, split_address
from kvrmi.cluster.status import ReplicaEntry, unanswered
from kvrmi.errors import KVError, was_late

from ..admins import admins_of, coordinator_status
from . import moments
from .happenings import DOWN, SILENT, answers
from .moments import Moment
from .view import Look

__all__ = ["CALM", "Events", "Known", "Members", "News", "Pace", "Poller", "Trouble"]

LOOKS = 10
"""In a second, at all replicas together: each sees what all have written."""
PATIENCE = 1.0
"""Seconds that it has to answer."""
CLUSTER_EVERY = 1.0
"""Seconds between two looks at what the coordinator knows, or for a cluster that is not there."""
PAGE = 500
"""Events in one answer at most."""


class Pace(NamedTuple):
    """Seconds between two looks at a replica, at least and at most, and between its events.

    `moments`: between two looks at what binds its roles; None: it is not looked at.
    """

    oftenest: float
    seldomest: float
    events: float
    moments: float | None = None


CALM = Pace(0.25, 0.5, 1.0)
"""For a picture that is drawn twice a second."""


class Members(NamedTuple):
    """The replicas that there are: addresses by id, and what says which cluster it is."""

    addresses: Mapping[int, str]
    cluster: Mapping[str, Any]


class Events(NamedTuple):
    """Events of a replica, each with the seconds since it happened."""

    replica: int
    at: float
    events: Sequence[tuple[float, Mapping[str, Any]]]


class Known(NamedTuple):
    """What the coordinator knows of the replicas; nothing where it was not asked."""

    entries: Sequence[ReplicaEntry]


class Trouble(NamedTuple):
    """There is no cluster to look at; why."""

    text: str


News: TypeAlias = Members | Look | Events | Known | Trouble | Moment


class Poller:
    """All the threads; they are daemons, and end soon after `close`."""

    def __init__(
        self,
        open_store: Callable[[], Store],
        config: str | None,
        named: str | None,
        put: Callable[[News], None],
        pace: Pace = CALM,
    ) -> None:
        """`put` takes what was seen, in any of the threads.

        open_store: finds the cluster; config, named: its file, or what was named in place of one.
        """
        self._pace = pace
        self._open_store = open_store
        self._config = config
        self._named = named
        self._put = put
        self._closed = Event()
        self._of_cluster: Event = Event()
        """Set when the threads of the replicas that are looked at shall end."""
        self._addresses: dict[int, str] = {}
        self._silent: dict[int, bool] = {}
        self._about: dict[str, Any] = {}
        """What replicas say of their cluster: its id, where its coordinator is."""

    def start(self) -> None:
        """Begin to look."""
        Thread(target=self._watch_cluster, name="cluster", daemon=True).start()

    def close(self) -> None:
        """End; nobody waits for an answer that is still to come."""
        self._closed.set()
        self._of_cluster.set()

    # --- the cluster ------------------------------------------------------------------------------

    def _watch_cluster(self) -> None:
        while not self._closed.is_set():
            if all(self._silent.values()):  # also where nobody is looked at yet
                self._find()
            self._put(Known(self._ask_coordinator()))
            self._closed.wait(CLUSTER_EVERY)

    def _find(self) -> None:
        """Find out which replicas there are; new threads if they are others than before."""
        try:
            with self._open_store() as store:
                status = store.status()
                admins = self._admins(store)
        except KVError as error:
            if not self._addresses:
                self._put(Trouble(str(error)))
            return
        addresses = {entry["id"]: entry["address"] for entry in status["replicas"]}
        if addresses == self._addresses:
            return
        self._of_cluster.set()
        self._of_cluster = Event()
        self._addresses, self._silent = addresses, dict.fromkeys(addresses, True)
        about = {name: status.get(name) for name in ("cluster", "cluster_id", "engine")}
        self._about = {"cluster_id": status["cluster_id"], "coordinator": status["coordinator"]}
        self._put(Members(addresses, about))
        for id, address in addresses.items():
            watch = _Watch(id, address, admins, self._put, self._seen, self._of_cluster)
            watch.every = min(
                max(self._pace.oftenest, len(addresses) / LOOKS), self._pace.seldomest
            )
            watch.events_every = self._pace.events
            Thread(target=watch.run, name=f"replica {id}", daemon=True).start()
            if self._pace.moments is not None and admins is not None:
                asked = (id, admins, self._pace.moments, self._put, self._of_cluster)
                Thread(target=moments.watch, args=asked, name=f"roles {id}", daemon=True).start()

    def _admins(self, store: Store) -> Admins | None:
        """Find the proof that events need; without it what happens is seen in looks alone."""
        with contextlib.suppress(KVError):
            return admins_of(store, self._config, self._named)
        return None

    def _seen(self, entry: ReplicaEntry) -> None:
        self._silent[entry["id"]] = not answers(entry)
        if answers(entry):
            self._about = {
                "cluster_id": entry.get("cluster_id"),
                "coordinator": entry.get("coordinator"),
            }

    def _ask_coordinator(self) -> Sequence[ReplicaEntry]:
        """Ask why replicas are silent, if some are."""
        where = self._about.get("coordinator")
        if where is None or not any(self._silent.values()):
            return ()
        known = coordinator_status(where, self._about["cluster_id"])
        return known["replicas"] if known else ()


class _Watch:
    """Looks at one replica."""

    def __init__(
        self,
        id: int,
        address: str,
        admins: Admins | None,
        put: Callable[[News], None],
        seen: Callable[[ReplicaEntry], None],
        end: Event,
    ) -> None:
        self._id = id
        self._address = address
        self._store = Connections(Candidate(Endpoint(id, *split_address(address), kvstore(id))))
        self._admins = admins
        self._put = put
        self._seen = seen
        self._end = end
        self._admin: Callable[..., Any] | None = None
        self._connections = contextlib.ExitStack()
        self._cursor = 0
        self._pid: int | None = None
        self.every = CALM.oftenest
        self.events_every = CALM.events

    def run(self) -> None:
        """Look until the end; replicas in turn, so that looks are spread evenly."""
        events_at = 0.0
        self._end.wait(self._id * self.every / LOOKS)
        while not self._end.is_set():
            began = time.monotonic()
            entry = self._look()
            self._seen(entry)
            # Who does not answer had gone when it was asked, not when we gave up.
            self._put(Look(time.monotonic() if answers(entry) else began, entry))
            if answers(entry) and began >= events_at:
                events_at = began + self.events_every
                self._read_events(entry["pid"])
            self._end.wait(max(began + self.every - time.monotonic(), 0.01))
        self._store.close()
        self._hang_up()

    def _look(self) -> ReplicaEntry:
        try:
            return self._status()
        except Unsent as error:
            state = DOWN if error.refused else SILENT
        except (Lost, KVError):
            state = SILENT
        return unanswered(self._id, self._address, state)

    def _status(self) -> ReplicaEntry:
        """Ask it, again if the connection broke: a new one shows if it is down. Raises as call."""
        try:
            return cast(ReplicaEntry, self._store.status(PATIENCE))
        except Lost as error:
            if was_late(error):
                raise
            return cast(ReplicaEntry, self._store.status(PATIENCE))

    def _read_events(self, pid: int | None) -> None:
        """Read what happened since the last time; a new process counts from the beginning."""
        if self._admins is None:
            return
        if pid != self._pid:
            self._pid, self._cursor = pid, 0
            self._hang_up()
        try:
            if self._admin is None:
                self._admin = self._connections.enter_context(self._admins.opened(self._id))
            while self._read_page(self._admin):
                pass
        except KeyError:  # an older version: what happens is seen in looks
            self._admins = None
            self._hang_up()
        except KVError:  # the next reading tries again
            self._hang_up()

    def _read_page(self, admin: Callable[..., Any]) -> bool:
        """Read one page; whether there is more."""
        answer = admin("events", self._cursor, PAGE)
        at, now, found = time.monotonic(), answer["now"], answer["events"]
        self._cursor = answer["next"]
        self._put(Events(self._id, at, [(now - one["time"], one) for one in found]))
        return len(found) == PAGE

    def _hang_up(self) -> None:
        self._admin = None
        self._connections.close()
