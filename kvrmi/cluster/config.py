"""A cluster as its file describes it: what a replica or a client needs to know of it.

Rules: an object that exists has been checked; what is wrong is reported in one line that names the
key. It opens no port, reads no clock and no file, and knows no engine.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from .checks import ConfigError, check_address, check_host, check_word
from .gateways import NO_GATEWAYS, Gateways, check_room, counted_on
from .members import Member
from .naming import join_address, unknown_replica
from .quorum import majority
from .retention import Retention
from .timing import Timing

__all__ = ["FORMAT", "Cluster"]

FORMAT = 1
"""Of the cluster file; part of what replicas agree on."""


@dataclasses.dataclass(frozen=True, slots=True)
class Cluster:
    """Everything a replica or a client needs to know of its cluster."""

    name: str
    id: str
    """Drawn when it was founded; no two clusters share it."""
    engine: str
    """Its name; whether this version has it, who makes its roles knows."""
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
    history_revisions: int = Retention().revisions
    history_bytes: int = Retention().bytes
    """What is kept of the past of keys; see retention."""
    pin: bool = True
    """Whether a replica keeps to one CPU."""
    listen: str = ""
    """Host on which all of it listens, 0.0.0.0 say; empty: each part on the host it is known by."""
    gateways: Gateways = NO_GATEWAYS
    """Where programs that know no Pyro come in."""
    metrics_port: int = 0
    """Where the first replica of each host serves its metrics over HTTP; 0: nowhere."""
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What the file says to the engine, in a table of its name."""
    source: str = dataclasses.field(default="its command line", compare=False)
    """What it was read from, for messages: the path of its file."""

    def __post_init__(self) -> None:
        """Refuse what does not fit together. Raises ConfigError."""
        for key in ("name", "id", "engine"):
            check_word(getattr(self, key), key)
        if self.ids != tuple(range(1, len(self.members) + 1)) or not self.members:
            raise ConfigError(f"replica ids are 1 to N in this order, not {list(self.ids)}")
        if type(self.log_entries) is not int or self.log_entries < 1:
            raise ConfigError(f"log_entries is not a whole number from 1: {self.log_entries!r}")
        for key in ("history_revisions", "history_bytes"):
            if type(getattr(self, key)) is not int or getattr(self, key) < 0:
                raise ConfigError(f"{key} is not a whole number from 0: {getattr(self, key)!r}")
        check_address(self.nameserver, "nameserver")
        check_address(self.coordinator, "coordinator")
        if self.listen:
            check_host(self.listen, "listen")
        self.gateways.check(self.members)
        check_room("metrics_port", self.metrics_port, self.members)
        self._check_alike()
        self._check_distinct()

    @property
    def history(self) -> Retention:
        """What each replica keeps of the past of keys."""
        return Retention(self.history_revisions, self.history_bytes)

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of all replicas."""
        return tuple(member.id for member in self.members)

    @property
    def roles(self) -> tuple[str, ...]:
        """Names of the roles that listen, in the order of their ports."""
        return self.members[0].roles

    @property
    def quorum(self) -> int:
        """How many replicas make a majority."""
        return majority(len(self.members))

    @property
    def read(self) -> str:
        """Say for messages what replicas must agree on, and from where it was read."""
        return f"{len(self.members)} replicas and {self.timing.unusual} in {self.source}"

    def agreed(self, messages: int, vocabulary: str) -> str:
        """Make the digest of what replicas must agree on before they talk to each other.

        It covers the formats of this file and of `messages`, the `vocabulary` (what can be asked),
        the cluster's id, the engine, the replicas' ids and all times; not addresses: who answers at
        one proves who it is, hosts may have several names, and while nothing runs they may change.
        Nor disk ids, which change while others run and count by the log, nor what concerns one
        process alone (name, log_entries, history, pin, listen, gateways,
        metrics_port).
        """
        times = dataclasses.asdict(self.timing)
        formats = (FORMAT, messages, vocabulary)
        agreed = (*formats, self.id, self.engine, self.ids, sorted(times.items()))
        return hashlib.sha256(json.dumps(agreed).encode()).hexdigest()

    def member(self, replica: int) -> Member:
        """Look up the member with this id. Raises ConfigError."""
        if replica not in self.ids:
            raise ConfigError(unknown_replica(replica, self.ids))
        return self.members[replica - 1]

    def gateways_of(self, replica: int) -> Gateways:
        """Return the ports of a replica's own gateways."""
        return self.gateways.of(self.members, replica)

    def metrics_port_of(self, replica: int) -> int:
        """Return the port of a replica's own metrics; 0: there is none."""
        return counted_on(self.metrics_port, self.members, replica)

    def other_ports(self, replica: int) -> dict[str, int]:
        """Return the TCP ports that a replica has besides those of its objects, by their use."""
        tcp, metrics = self.gateways_of(replica).tcp, self.metrics_port_of(replica)
        named = {"TCP gateway": tcp, "metrics": metrics}
        return {name: port for name, port in named.items() if port}

    def listens_on(self, host: str) -> str:
        """Return on which host to bind what others connect to on `host`."""
        return self.listen or host

    def _check_alike(self) -> None:
        names = dict.fromkeys(name for member in self.members for name in member.ports)
        for member in self.members:
            missing = [name for name in names if name not in member.ports]
            if missing:
                raise ConfigError(f"replica {member.id}: {', '.join(missing)} missing")

    def _check_distinct(self) -> None:
        uses: dict[str, list[str]] = {self.nameserver: ["name server"]}
        uses.setdefault(self.coordinator, []).append("coordinator")
        for member in self.members:
            for name, address in zip(member.ports, member.addresses, strict=True):
                uses.setdefault(address, []).append(f"{name} of replica {member.id}")
            for name, port in self.other_ports(member.id).items():
                address = join_address(member.host, port)
                uses.setdefault(address, []).append(f"{name} of replica {member.id}")
        for address, users in uses.items():
            if len(users) > 1:
                raise ConfigError(f"{address} is used {len(users)} times: {', '.join(users)}")
        disks = Counter(member.disk for member in self.members if member.disk)
        if disks and max(disks.values()) > 1:
            raise ConfigError(f"two replicas have the same disk id {disks.most_common(1)[0][0]!r}")
