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
from kvrmi.single.declaration import SINGLE
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.machine import StateMachine

from .paxos import PaxosEngine
from .served import Served
from .single import SingleEngine


class EngineKind(NamedTuple):
    """What a replica of an engine is made of: its roles, what serves clients, what is replicated.

    The machine's vocabulary is what clients may use. `replicas`: of how many processes it always
    consists; None: of as many as are asked for.
    """

    declared: Declaration
    engine: Callable[..., Served]
    machine: type[StateMachine] = KeyValues
    replicas: int | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        """What can be asked."""
        return self.machine.vocabulary

    def agreed(self, cluster: Cluster) -> str:
        """Make the digest of what replicas must agree on; see there."""
        return cluster.agreed(self.declared.format, self.vocabulary.signature)


ENGINES = {
    "paxos": EngineKind(PAXOS, PaxosEngine),
    "single": EngineKind(SINGLE, SingleEngine, replicas=1),
}
"""Every engine that is there, by its name in the cluster file."""
DEFAULT = "paxos"
"""The engine of a new cluster for which none is named."""
REPLICAS = 5
"""Of a new cluster, where nothing says how many."""


def kind_of(engine: str) -> EngineKind:
    """Look an engine up. Raises ConfigError if it is not there."""
    kind = ENGINES.get(engine)
    if kind is None:
        raise ConfigError(f"engine {engine!r} is not available, use {', '.join(ENGINES)}")
    return kind


def replicas_of(engine: str, wished: int | None) -> int:
    """How many replicas a new cluster of an engine has. Raises ConfigError if it cannot have them.

    `wished`: so many are asked for; None: nobody said.
    """
    always = kind_of(engine).replicas
    if always is None or wished in (None, always):
        return wished or always or REPLICAS
    raise ConfigError(
        f"engine {engine} runs as {always} process{'es' * (always > 1)}, not as {wished} replicas: "
        "leave out the number, or choose another engine"
    )


def kind_for(cluster: Cluster) -> EngineKind:
    """Look up a cluster's engine, whose roles must be those that have ports there.

    Raises ConfigError.
    """
    try:
        kind = kind_of(cluster.engine)
    except ConfigError as error:
        raise ConfigError(f"{cluster.source}: {error}") from None
    check_roles(cluster, kind.declared.daemons)
    if kind.replicas not in (None, len(cluster.members)):
        raise ConfigError(
            f"{cluster.source}: lists {len(cluster.members)} replicas, and engine {cluster.engine} "
            f"runs as {kind.replicas}"
        )
    return kind


def check_roles(cluster: Cluster, roles: Sequence[str]) -> None:
    """Refuse a file that has no port for a role, or a key that is none. Raises ConfigError."""
    missing = [role for role in roles if role not in cluster.roles]
    unknown = [role for role in cluster.roles if role not in roles]
    if missing:
        raise ConfigError(f"{cluster.source}: replica 1: {', '.join(missing)} missing")
    if unknown:
        raise ConfigError(f"{cluster.source}: replica 1: unknown key {unknown[0]!r}")
