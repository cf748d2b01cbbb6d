"""The engines, by the name that a cluster file has for them.

Rule: whoever needs what an engine is made of asks here, and names no protocol itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from kvrmi.cluster.config import Cluster, ConfigError
from kvrmi.operations.interface import Engine
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.paxos.declaration import PAXOS
from kvrmi.roles.declaration import Declaration
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.machine import StateMachine

from .paxos import PaxosEngine


class Served(Engine, Protocol):
    """An engine as its replica uses it."""

    @property
    def leader(self) -> int:
        """The replica that leads as far as known here, or 0."""
        ...

    def restore(self, peer: int) -> dict[str, object]:
        """Have this replica catch up with a peer; what came of it. Raises Fenced, CatchUpFailed."""
        ...

    def transfer(self, to: int) -> bool:
        """Hand leadership over; False if that took too long. Raises Fenced, CatchUpFailed."""
        ...

    def log(self, first: int | None, most: int) -> dict[str, object]:
        """List blocks of the log from slot `first` on, None: the last ones. Raises Fenced."""
        ...

    def chain(self) -> dict[str, object]:
        """Compute the log's hash chain anew from the disk. Raises Fenced."""
        ...


class EngineKind(NamedTuple):
    """What a replica of an engine is made of: its roles, what serves clients, what is replicated.

    The machine's vocabulary is what clients may use.
    """

    declared: Declaration
    engine: Callable[..., Served]
    machine: type[StateMachine] = KeyValues

    @property
    def vocabulary(self) -> Vocabulary:
        """What can be asked."""
        return self.machine.vocabulary

    def agreed(self, cluster: Cluster) -> str:
        """Make the digest of what replicas must agree on; see there."""
        return cluster.agreed(self.declared.format, self.vocabulary.signature)


ENGINES = {"paxos": EngineKind(PAXOS, PaxosEngine)}
"""Every engine that is there, by its name in the cluster file."""


def kind_of(engine: str, file: str = "") -> EngineKind:
    """Look an engine up, which `file` names if any does. Raises ConfigError if it is not there."""
    kind = ENGINES.get(engine)
    if kind is None:
        where = f"{file}: " if file else ""
        raise ConfigError(f"{where}engine {engine!r} is not available, use {', '.join(ENGINES)}")
    return kind
