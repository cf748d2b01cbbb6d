"""A cluster as its file describes it: who the replicas are, where they listen, how fast they are.

Rules: an object that exists has been checked, times against each other too; what is wrong with a
file is reported in one line that names the file and the key. It opens no port and reads no clock.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .naming import based_ports, default_ports, join_address, split_address, unknown_replica

__all__ = [
    "CONFIG_VARIABLE",
    "ENGINES",
    "Cluster",
    "ConfigError",
    "Member",
    "Timing",
    "dump",
    "find",
    "load",
    "members",
    "quorum_warning",
]

ENGINES = ("paxos", "2pc", "single", "etcd")
CONFIG_VARIABLE = "KVRMI_CONFIG"
"""Environment variable that names the cluster file."""
_FORMAT = 1
_LOCAL_FILE = Path(".kvrmi") / "cluster.toml"
_ANSWER_MAX = 3.0
"""Seconds within which a server has promised its clients an answer."""
_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")


class ConfigError(ValueError):
    """A cluster file or a value for it is wrong; the text is one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds, and the relations between them that leases and elections rest on."""

    heartbeat: float = 0.1
    """Between two signs of life of the leader."""
    lease: float = 0.6
    """How long a grant binds an acceptor."""
    drift: float = 0.02
    """By how much, as a fraction, two clocks may differ in rate."""
    margin: float = 0.05
    election_min: float = 0.7
    election_max: float = 1.2
    """Silence of the leader that makes a replica a candidate: drawn anew each time."""
    answer: float = 0.25
    """A peer's answer that takes longer closes its connection."""
    connect: float = 0.2
    request: float = 2.5
    """What a client's request may take before its outcome is reported."""
    quiet: float = 3.0
    """Without trouble before leadership goes back to a replica of higher priority."""
    acceptor_grace: float = 2.0
    """What a leader waits for its own failed acceptor before it hands over."""
    backoff_min: float = 0.05
    backoff_max: float = 0.3
    backoff_cap: float = 2.0
    """After a lost election: drawn from min to max, doubled each time, up to the cap."""

    def __post_init__(self) -> None:
        """Refuse times that break a relation. Raises ConfigError."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if type(value) not in (int, float) or not 0 <= value < 1e6:
                raise ConfigError(f"timing: {field.name} is not a number of seconds: {value!r}")
            object.__setattr__(self, field.name, float(value))  # 1 is 1.0, also when compared
        for holds, relation in self._relations():
            if not holds:
                raise ConfigError(f"timing: {relation} does not hold")

    @property
    def usable_lease(self) -> float:
        """Seconds that a leader may rely on a lease, counted from before it asked for it."""
        return self.lease * (1 - self.drift) - self.margin

    @property
    def hold(self) -> float:
        """Seconds that a started acceptor promises nothing: a grant it forgot has then ended."""
        return self.lease * (1 + self.drift)

    def slow(self) -> Timing:
        """Make the profile for a slow machine: heartbeat, lease and elections times three."""
        return dataclasses.replace(
            self,
            heartbeat=3 * self.heartbeat,
            lease=3 * self.lease,
            election_min=3 * self.election_min,
            election_max=3 * self.election_max,
        )

    def _relations(self) -> Iterable[tuple[bool, str]]:
        yield self.heartbeat > 0, "heartbeat > 0"
        yield 5 * self.heartbeat <= self.lease * (1 + 1e-9), "heartbeat <= lease / 5"
        yield 5 * self.heartbeat <= self.election_min, "5 * heartbeat <= election_min"
        yield self.lease <= self.election_min, "lease <= election_min"
        yield self.election_min <= self.election_max, "election_min <= election_max"
        yield self.drift < 1, "drift < 1"
        yield self.usable_lease < self.lease, "drift > 0 or margin > 0"
        yield self.usable_lease > self.heartbeat, "lease * (1 - drift) - margin > heartbeat"
        yield 0 < self.answer < self.election_min / 2, "0 < answer < election_min / 2"
        yield 0 < self.connect < self.election_min / 2, "0 < connect < election_min / 2"
        yield self.answer < self.request < _ANSWER_MAX, f"answer < request < {_ANSWER_MAX:g}"
        yield 0 < self.backoff_min <= self.backoff_max, "0 < backoff_min <= backoff_max"
        yield self.backoff_max <= self.backoff_cap, "backoff_max <= backoff_cap"


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A replica of the cluster: id from 1, host and TCP ports, and the id of its disk."""

    id: int
    host: str
    client: int
    proposer: int
    acceptor: int
    learner: int
    admin: int
    disk: str = ""
    """Drawn when its folder was formatted; empty while that is unknown."""

    def __post_init__(self) -> None:
        """Refuse a host or a port that cannot be one. Raises ConfigError."""
        if type(self.id) is not int or self.id < 1:
            raise ConfigError(f"replica id is not a whole number from 1: {self.id!r}")
        for port in self.ports:
            _check_address(join_address(self.host, port), f"replica {self.id}")
        if self.disk and not _is_word(self.disk):
            raise ConfigError(f"replica {self.id}: disk is not an id: {self.disk!r}")

    @property
    def ports(self) -> tuple[int, ...]:
        """All five: client, proposer, acceptor, learner, admin."""
        return self.client, self.proposer, self.acceptor, self.learner, self.admin

    def port(self, role: str) -> int:
        """Port of "proposer", "acceptor" or "learner". Raises KeyError for another."""
        return {
            "proposer": self.proposer,
            "acceptor": self.acceptor,
            "learner": self.learner,
        }[role]


@dataclasses.dataclass(frozen=True, slots=True)
class Cluster:
    """Everything a replica or a client needs to know of its cluster."""

    name: str
    id: str
    """Drawn when it was founded; no two clusters share it."""
    engine: str
    nameserver: str
    coordinator: str
    """Both "host:port"."""
    members: tuple[Member, ...]
    """In the order of their ids, 1 to N."""
    timing: Timing
    folder: Path | None
    """Where its file lies: the data folder. None if it came from no file."""
    log_entries: int = 1000
    """Chosen entries that survive truncation."""
    pin: bool = True
    """Whether a replica keeps to one CPU."""
    listen: str = ""
    """Host on which all of it listens, 0.0.0.0 say; empty: each part on the host it is known by."""
    source: str = dataclasses.field(default="its command line", compare=False)
    """What it was read from, for messages: the path of its file."""

    def __post_init__(self) -> None:
        """Refuse what does not fit together. Raises ConfigError."""
        for key, word in (("name", self.name), ("id", self.id)):
            if not _is_word(word):
                raise ConfigError(f"{key} is not 1 to 64 letters, digits, - . or _: {word!r}")
        if self.engine not in ENGINES:
            raise ConfigError(f"engine is one of {', '.join(ENGINES)}, not {self.engine!r}")
        if self.ids != tuple(range(1, len(self.members) + 1)) or not self.members:
            raise ConfigError(f"replica ids are 1 to N in this order, not {list(self.ids)}")
        if type(self.log_entries) is not int or self.log_entries < 1:
            raise ConfigError(f"log_entries is not a whole number from 1: {self.log_entries!r}")
        _check_address(self.nameserver, "nameserver")
        _check_address(self.coordinator, "coordinator")
        if self.listen:
            _check_host(self.listen, "listen")
        self._check_distinct()

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of all replicas."""
        return tuple(member.id for member in self.members)

    @property
    def quorum(self) -> int:
        """How many replicas make a majority."""
        return len(self.members) // 2 + 1

    def agreed(self, messages: int, vocabulary: str) -> str:
        """Make the digest of what replicas must agree on before they talk to each other.

        It covers the formats of this file and of `messages`, the `vocabulary` (what can be asked),
        the cluster's id, the engine, the replicas' ids and all times; not addresses: who answers at
        one proves who it is, hosts may have several names, and while nothing runs they may change.
        Nor disk ids, which change while others run and count by the log, nor what concerns one
        process alone (name, log_entries, pin, listen).
        """
        times = dataclasses.asdict(self.timing)
        formats = (_FORMAT, messages, vocabulary)
        agreed = (*formats, self.id, self.engine, self.ids, sorted(times.items()))
        return hashlib.sha256(json.dumps(agreed).encode()).hexdigest()

    def member(self, replica: int) -> Member:
        """Look up the member with this id. Raises ConfigError."""
        if replica not in self.ids:
            raise ConfigError(unknown_replica(replica, self.ids))
        return self.members[replica - 1]

    def listens_on(self, host: str) -> str:
        """Return on which host to bind what others connect to on `host`."""
        return self.listen or host

    def _check_distinct(self) -> None:
        used = Counter(join_address(one.host, port) for one in self.members for port in one.ports)
        used.update([self.nameserver, self.coordinator])
        address, times = used.most_common(1)[0]
        if times > 1:
            raise ConfigError(f"{address} is used {times} times")
        disks = Counter(member.disk for member in self.members if member.disk)
        if disks and max(disks.values()) > 1:
            raise ConfigError(f"two replicas have the same disk id {disks.most_common(1)[0][0]!r}")


def members(count: int, host: str, base_port: int | None) -> tuple[Member, ...]:
    """Replicas 1 to `count`, unformatted, on the default ports or from `base_port` on.

    Raises ConfigError when the ports do not suffice.
    """
    try:
        ports = default_ports(count) if base_port is None else based_ports(base_port, count)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return tuple(Member(i, host, *five, disk="") for i, five in enumerate(ports, start=1))


def quorum_warning(count: int) -> str | None:
    """One line when one replica fewer would survive as many failures; else None."""
    if count % 2:
        return None
    survives = (count - 1) // 2
    return (
        f"{count} replicas survive the failure of {survives}, as {count - 1} do: "
        "an odd number is better"
    )


def find(explicit: str | None = None) -> Path | None:
    """Path of the cluster file: the argument, KVRMI_CONFIG, or ./.kvrmi/cluster.toml if there.

    What was named is returned unseen, so that `load` can say what is wrong with it.
    """
    named = explicit or os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    try:
        os.stat(_LOCAL_FILE)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # it cannot be seen whether it is there: `load` says why
        pass
    return _LOCAL_FILE


def load(path: str | Path) -> Cluster:
    """Read a cluster file. Raises ConfigError with one line, also when it cannot be read."""
    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        return _cluster(data, Path(path).resolve())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error
    except ValueError as error:  # of tomllib, or a ConfigError of ours
        raise ConfigError(f"{path}: {error}") from error


def dump(cluster: Cluster) -> str:
    """Write it as TOML; `load` gives an equal cluster, but for the folder."""
    head = {"format": _FORMAT} | {key: getattr(cluster, key) for key in _HEAD}
    parts = [
        "# A kvrmi cluster. Everything that runs reads this file at its start.",
        *_lines(head),
        "\n[timing]  # seconds",
        *_lines(dataclasses.asdict(cluster.timing)),
    ]
    for member in cluster.members:
        parts += ["\n[[replica]]", *_lines(dataclasses.asdict(member))]
    return "\n".join(parts) + "\n"


_HEAD: Mapping[str, type] = {
    "name": str,
    "id": str,
    "engine": str,
    "nameserver": str,
    "coordinator": str,
    "log_entries": int,
    "pin": bool,
    "listen": str,
}
_MEMBER: Mapping[str, type] = {
    "id": int,
    "host": str,
    "client": int,
    "proposer": int,
    "acceptor": int,
    "learner": int,
    "admin": int,
    "disk": str,
}
_TIMING: Mapping[str, type] = dict.fromkeys(
    (field.name for field in dataclasses.fields(Timing)), float
)
_OPTIONAL = frozenset({"log_entries", "pin", "listen", "disk", *_TIMING})
_TYPE_NAMES = {str: "a text", int: "a whole number", bool: "true or false", float: "a number"}


def _lines(table: Mapping[str, object]) -> list[str]:
    # JSON's scalars are TOML's, control characters excepted, which no checked value holds.
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]


def _cluster(data: dict[str, Any], path: Path) -> Cluster:
    written = data.pop("format", None)
    if written != _FORMAT:
        raise ConfigError(f"format is {written!r}, this version reads {_FORMAT}")
    timing = data.pop("timing", {})
    replicas = data.pop("replica", [])
    if not isinstance(timing, dict):
        raise ConfigError("timing is not a table")
    if not isinstance(replicas, list) or not all(isinstance(one, dict) for one in replicas):
        raise ConfigError("replica is not a list of tables: write [[replica]]")
    return Cluster(
        **_typed(data, _HEAD, ""),
        members=tuple(_member(one) for one in replicas),
        timing=Timing(**_typed(timing, _TIMING, "timing: ")),
        folder=path.parent,
        source=str(path),
    )


def _member(table: Mapping[str, Any]) -> Member:
    return Member(**_typed(table, _MEMBER, f"replica {table.get('id', '?')}: "))


def _typed(table: Mapping[str, Any], keys: Mapping[str, type], where: str) -> Mapping[str, Any]:
    """Check a table: every key that is needed, none that is unknown, all of their type."""
    for key, value in table.items():
        if key not in keys:
            raise ConfigError(f"{where}unknown key {key!r}")
        kind = keys[key]
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise ConfigError(f"{where}{key} is not {_TYPE_NAMES[kind]}: {value!r}")
    missing = [key for key in keys if key not in table and key not in _OPTIONAL]
    if missing:
        raise ConfigError(f"{where}{', '.join(missing)} missing")
    return table


def _check_address(address: str, where: str) -> None:
    try:
        split_address(address)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None


def _check_host(host: str, where: str) -> None:
    try:
        split_address(join_address(host, 1))
    except ValueError:
        raise ConfigError(f"{where}: not a host: {host!r}") from None


def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None
