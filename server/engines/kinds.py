"""The engines, by the name that a cluster file has for them.

Rule: whoever needs what an engine is made of asks here, and names no protocol itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.members import quorum_warning
from kvrmi.cluster.quorum import majority
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.paxos.declaration import PAXOS
from kvrmi.roles.declaration import Declaration
from kvrmi.single.declaration import SINGLE
from kvrmi.twophase.declaration import TWOPHASE

from .beside import Program
from .etcd.declaration import GATEWAY
from .etcd.members import members as etcd_members
from .etcd.settings import founded as etcd_founded
from .paxos import PaxosEngine
from .served import Served
from .single import SingleEngine
from .twophase import TwoPhaseEngine
from .votes import check as check_votes
from .votes import founded as votes_founded

Given = Mapping[str, str]
"""What a cluster file says to its engine."""
Ports = Callable[[int], int]
"""Finds the first of so many free ports in a row, on this machine."""
Story = Literal["", "elections", "views"]
"""A demo (server/demo), by what it is about: a leader that dies, a member left out; "": none."""


REPLICAS = 5
"""Of a new cluster, where nothing says how many."""


class EngineKind(NamedTuple):
    """What a replica of an engine is made of: its roles, and what serves clients.

    `replicas`: of how many processes it always
    consists; None: of as many as are asked for, `usual` where nobody says. `settings` makes the
    table of the engine in a new cluster file, where it has one, and `check` refuses one that is
    wrong; `configured`: what serves clients takes it too. `beside`: programs that it needs besides
    its replicas, by that table. `demo`: the story that shows it. `views`: who votes is said in
    numbered views, which the coordinator makes.
    """

    declared: Declaration
    engine: Callable[..., Served]
    replicas: int | None = None
    usual: int = REPLICAS
    settings: Callable[[Given, Ports | None], Given] | None = None
    check: Callable[[Given], None] | None = None
    configured: bool = False
    beside: Callable[[Given], tuple[Program, ...]] | None = None
    demo: Story = ""
    views: bool = False

    @property
    def vocabulary(self) -> Vocabulary:
        """What can be asked."""
        return self.declared.machine.vocabulary

    def serving(self, cluster: Cluster) -> Callable[..., Served]:
        """Return what makes the engine of a cluster. It may raise ConfigError."""
        if not self.configured:
            return self.engine
        return partial(self.engine, settings=cluster.settings)

    def programs(self, cluster: Cluster) -> tuple[Program, ...]:
        """Return the programs that a cluster needs beside its replicas. Raises ConfigError."""
        return () if self.beside is None else self.beside(cluster.settings)

    def founded(self, given: Given, ports: Ports | None = None) -> Given:
        """Make the settings of a new cluster, with `ports` of one on this machine.

        Raises ConfigError.
        """
        refuse_others(self.declared.name, given)
        return {} if self.settings is None else self.settings(given, ports)

    def warning(self, replicas: int) -> str | None:
        """Return one line when one replica fewer would survive as many failures; else None."""
        by_majority = self.declared.serving.votes(replicas) == majority(replicas)
        return quorum_warning(replicas) if by_majority else None

    def agreed(self, cluster: Cluster) -> str:
        """Make the digest of what replicas must agree on; see there."""
        return cluster.agreed(self.declared.format, self.vocabulary.signature)


def _etcd(*parts: Any, **settings: Any) -> Served:
    """Make the gateway; what it needs is installed for it alone, and loaded for it alone."""
    try:
        from .etcd.engine import EtcdEngine
    except ImportError as error:
        raise ConfigError(f"engine etcd needs etcd3gw ({error}): pip install etcd3gw") from None
    return EtcdEngine(*parts, **settings)


ENGINES = {
    "paxos": EngineKind(PAXOS, PaxosEngine, demo="elections"),
    "2pc": EngineKind(
        TWOPHASE,
        TwoPhaseEngine,
        settings=votes_founded,
        check=check_votes,
        demo="views",
        views=True,
    ),
    "single": EngineKind(SINGLE, SingleEngine, replicas=1),
    "etcd": EngineKind(
        GATEWAY,
        _etcd,
        usual=2,
        settings=etcd_founded,
        configured=True,
        beside=etcd_members,
    ),
}
"""Every engine that is there, by its name in the cluster file."""
DEFAULT = "paxos"
"""The engine of a new cluster for which none is named."""


OPTIONS = {"endpoints": ("--etcd-endpoints", "etcd"), "votes": ("--votes", "2pc")}
"""Settings that a command line can give -> the option, and the engine that it is for."""


def refuse_others(engine: str, given: Given) -> None:
    """Refuse settings that are given for another engine than this one. Raises ConfigError."""
    for option, of in (OPTIONS[name] for name in given if name in OPTIONS):
        if of != engine:
            raise ConfigError(f"{option} is for engine {of}, and this one is {engine}")


def settings_of(endpoints: str | None, votes: str | None) -> Given:
    """Make the settings that a command line gives to the engine; None: it does not say."""
    settings = {"endpoints": endpoints, "votes": votes}
    return {name: text for name, text in settings.items() if text}


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
    kind = kind_of(engine)
    always = kind.replicas
    if always is None or wished in (None, always):
        return wished or always or kind.usual
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
        if kind.check is not None:
            kind.check(cluster.settings)
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
    named = set(cluster.roles)
    others = [name for name, kind in ENGINES.items() if set(kind.declared.daemons) == named]
    if others and cluster.engine not in others:
        raise ConfigError(
            f"{cluster.source}: engine is {cluster.engine}, and its replicas have the ports of "
            f"engine {' or '.join(others)}: put that back; the engine of a cluster does not change"
        )
    missing = [role for role in roles if role not in cluster.roles]
    unknown = [role for role in cluster.roles if role not in roles]
    if missing:
        raise ConfigError(f"{cluster.source}: replica 1: {', '.join(missing)} missing")
    if unknown:
        raise ConfigError(f"{cluster.source}: replica 1: unknown key {unknown[0]!r}")
