"""The engines, by the name that a cluster file has for them.

Rule: whoever needs what an engine is made of asks here, and names no protocol itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.paxos.declaration import PAXOS
from kvrmi.roles.declaration import Declaration
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.machine import StateMachine

from .paxos import PaxosEngine
from .served import Served


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


ENGINES = {"paxos": EngineKind(PAXOS, PaxosEngine, KeyValues)}
"""Every engine that is there, by its name in the cluster file."""
DEFAULT = "paxos"
"""The engine of a new cluster for which none is named."""


def kind_of(engine: str) -> EngineKind:
    """Look an engine up. Raises ConfigError if it is not there."""
    kind = ENGINES.get(engine)
    if kind is None:
        raise ConfigError(f"engine {engine!r} is not available, use {', '.join(ENGINES)}")
    return kind


def kind_for(cluster: Cluster) -> EngineKind:
    """Look up a cluster's engine, whose roles must be those that have ports there.

    Raises ConfigError.
    """
    try:
        kind = kind_of(cluster.engine)
    except ConfigError as error:
        raise ConfigError(f"{cluster.source}: {error}") from None
    check_roles(cluster, kind.declared.daemons)
    return kind


def check_roles(cluster: Cluster, roles: Sequence[str]) -> None:
    """Refuse a file that has no port for a role, or a key that is none. Raises ConfigError."""
    missing = [role for role in roles if role not in cluster.roles]
    unknown = [role for role in cluster.roles if role not in roles]
    if missing:
        raise ConfigError(f"{cluster.source}: replica 1: {', '.join(missing)} missing")
    if unknown:
        raise ConfigError(f"{cluster.source}: replica 1: unknown key {unknown[0]!r}")
