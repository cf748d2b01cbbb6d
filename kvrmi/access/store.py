"""connect(): the store as a mapping, for people who write Python.

Rules: each write has one id and takes effect once, however often it is sent; an error says what
was done. It knows nothing of Paxos: only that some replica will answer.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping, MutableMapping, ValuesView
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypeVar, cast, overload

from ..cluster.naming import is_client
from ..cluster.status import ClusterStatus
from ..errors import InvalidRequest
from ..operations.interface import LINEARIZABLE, SCAN_ITEMS, Value, check
from ..operations.table import KEY_VALUE
from ..operations.vocabulary import Vocabulary
from .events import Observer
from .failover import Replicas
from .lookup import look_up
from .status import overview

__all__ = ["Store", "connect"]

_Default = TypeVar("_Default")


def connect(
    replica: int | None = None,
    *,
    config: str | PathLike[str] | None = None,
    nameserver: str | None = None,
    addresses: Iterable[str] | None = None,
    timeout: float = 5.0,
    name: str | None = None,
    observer: Observer | None = None,
    vocabulary: Vocabulary = KEY_VALUE,
) -> Store:
    """Open the store.

    `replica` is the id of the one to ask first, always; without it the leader is followed.
    The cluster is found by `config` (a cluster file), `nameserver` ("host:port") or `addresses`
    ("host:port"); else by KVRMI_CONFIG, ./.kvrmi/cluster.toml, or the name server on localhost.
    `timeout` is the number of seconds after which an operation gives up.
    `name` is what this client is called in the replicas' status and logs: 1 to 30 letters,
    digits, ".", "_" and "-". `vocabulary` is what `call` may ask, where the replicas run another
    machine than the store. `observer` gets each attempt as an Event (kvrmi.access.events), in the
    thread of the operation.
    Raises InvalidRequest or ConnectionFailed; no replica is contacted before the first operation.
    """
    if type(timeout) not in (int, float) or not 0 < timeout <= 86400:
        raise InvalidRequest("timeout must be a number of seconds above 0 and up to 86400")
    if name is not None and not is_client(name):
        raise InvalidRequest(
            'a client\'s name is 1 to 30 letters (A-Z, a-z), digits, ".", "_" or "-"'
        )
    directory = look_up(config=config, nameserver=nameserver, addresses=addresses)
    replicas = Replicas(directory, replica, client=name, observer=observer)
    return Store(replicas, float(timeout), vocabulary)


class Store(MutableMapping[str, Value]):
    """A replicated mapping of str to str or bytes; safe for any number of threads.

    Every operation raises a KVError: InvalidRequest, NoQuorum, Aborted, Unsupported and
    ConnectionFailed mean that nothing was done, UnknownOutcome that a write may take effect.
    `pop`, `popitem` and `update` are several operations each.
    """

    def __init__(
        self, replicas: Replicas, timeout: float, vocabulary: Vocabulary = KEY_VALUE
    ) -> None:
        """Use `replicas`; programs call connect()."""
        self._vocabulary = vocabulary
        self._replicas = replicas
        self._timeout = timeout

    def call(self, name: str, *args: object) -> dict[str, Any]:
        """Carry out an operation and return who answered.

        Returns {"value", "revision", "replica", "leader", "stale"}; args as in the remote object.
        """
        return self._replicas.ask(check(name, args, self._vocabulary), self._timeout)

    def put(self, key: str, value: Value) -> int:
        """Store `value` under `key`; returns the store's revision after it."""
        return cast(int, self.call("put", key, value)["value"])

    @overload
    def get(self, key: str, default: None = None, *, consistency: str = ...) -> Value | None: ...
    @overload
    def get(self, key: str, default: _Default, *, consistency: str = ...) -> Value | _Default: ...
    def get(self, key: str, default: object = None, *, consistency: str = LINEARIZABLE) -> object:
        """Return the value of `key`, or `default`.

        "local" asks the contacted replica alone: always answered, possibly out of date.
        """
        value = self.call("get", key, consistency)["value"]
        return default if value is None else value

    def delete(self, key: str) -> bool:
        """Remove `key`; True if it was there."""
        return cast(bool, self.call("delete", key)["value"])

    def put_many(self, pairs: Mapping[str, Value] | Iterable[tuple[str, Value]]) -> int:
        """Store all pairs or none, in one step; returns the revision."""
        items = pairs.items() if isinstance(pairs, Mapping) else pairs
        return cast(int, self.call("put_many", [list(pair) for pair in items])["value"])

    def get_many(self, keys: Iterable[str]) -> list[Value | None]:
        """Return the values of `keys` at one revision, None where absent."""
        return cast("list[Value | None]", self.call("get_many", list(keys))["value"])

    def cas(self, key: str, expected: Value | None, value: Value) -> bool:
        """Store `value` if `key` holds `expected` (None: is absent); True if so."""
        return cast(bool, self.call("cas", key, expected, value)["value"])

    def scan(self, prefix: str = "", *, start: str | None = None) -> Iterator[tuple[str, Value]]:
        """Yield (key, value) in the order of keys, after `start`; each page is one revision."""
        while True:
            page = cast("list[list[Any]]", self.call("scan", prefix, start, SCAN_ITEMS)["value"])
            if not page:
                return
            yield from ((key, value) for key, value in page)
            start = page[-1][0]

    def get_at(self, key: str, revision: int) -> Value | None:
        """Return what `key` held at a revision, None if it was not there.

        Raises InvalidRequest for a revision that is not there yet, or is no longer kept.
        """
        return cast("Value | None", self.call("get_at", key, revision)["value"])

    def history(
        self, key: str, *, upto: int | None = None, limit: int = 100
    ) -> list[tuple[int, Value | None]]:
        """List the last changes of `key` as (revision, value), the newest first.

        None is a key that is not there. The oldest that is kept is what it held at that revision.
        """
        rows = cast("list[list[Any]]", self.call("history", key, upto, limit)["value"])
        return [(revision, value) for revision, value, *_ in rows]

    def status(self) -> ClusterStatus:
        """Return the state of the cluster and of every replica, all asked at the same time.

        "health" is "serving", "no quorum" or "nobody answers". The "state" of a replica is "up",
        "recovering", "down" (nothing listens there) or "not answering". Raises ConnectionFailed
        when nobody answers at bare addresses, which say nothing of a cluster.
        """
        return overview(self._replicas)

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of the replicas that are known; nobody is asked."""
        return self._replicas.candidates.ids

    def prefer(self, replica: int | None) -> None:
        """Ask the replica with this id first from now on, always; None: follow the leader.

        Nothing is sent. Raises InvalidRequest for an id that the cluster's file, name server or
        addresses did not name; then all stays as it was.
        """
        self._replicas.candidates.prefer(replica)

    def close(self) -> None:
        """Close all connections; later operations raise ConnectionFailed."""
        self._replicas.close()

    def clear(self) -> None:
        """Delete the keys there are, one by one."""
        for key in self:
            self.delete(key)

    @overload
    def setdefault(self, key: str, default: None = None) -> Value: ...
    @overload
    def setdefault(self, key: str, default: Value) -> Value: ...
    def setdefault(self, key: str, default: Value | None = None) -> Value:
        """Store `default` if `key` is absent, in one step; returns what `key` then holds."""
        while True:
            value = self.get(key)
            if value is not None:
                return value
            if self.cas(key, None, cast(Value, default)):
                return cast(Value, default)

    def items(self) -> ItemsView[str, Value]:
        """All pairs, read page by page."""
        return _Items(self)

    def values(self) -> ValuesView[Value]:
        """All values, read page by page."""
        return _Values(self)

    def __getitem__(self, key: str) -> Value:
        """Return the value of `key`; KeyError when absent."""
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: str, value: Value) -> None:
        """Store `value` under `key`."""
        self.put(key, value)

    def __delitem__(self, key: str) -> None:
        """Remove `key`; KeyError when absent."""
        if not self.delete(key):
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        """Whether `key` is there; what cannot be a key raises InvalidRequest."""
        return cast(bool, self.call("contains", key)["value"])

    def __iter__(self) -> Iterator[str]:
        """Yield the keys in order, page by page."""
        return (key for key, _ in self.scan())

    def __len__(self) -> int:
        """Count the keys."""
        return cast(int, self.call("size")["value"])

    def __enter__(self) -> Self:
        """Use as a context manager, closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Show where it leads, without asking anybody."""
        directory = self._replicas.directory
        return f"<kvrmi store: {len(directory.endpoints)} replicas of {directory.source}>"


class _Items(ItemsView[str, Value]):
    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._store = store

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        return self._store.scan()


class _Values(ValuesView[Value]):
    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._store = store

    def __iter__(self) -> Iterator[Value]:
        return (value for _, value in self._store.scan())
