"""What a package of roles declares once, and codec, server process and simulator read.

Rule: a declaration is data; whoever runs roles asks it and names no message of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from ..cluster.quorum import majority
from ..cluster.retention import Retention
from ..storage.interface import Readable, Snapshot
from .contract import Effects, Message, Role
from .events import NoEvents, Observing

if TYPE_CHECKING:
    import random

    from ..cluster.timing import Timing
    from ..state.machine import StateMachine
    from ..storage.interface import Tables

__all__ = [
    "BATCH", "CONTROL", "GRACE", "Declaration", "Disk", "Kind", "Lane", "Others",
    "Presence", "Reports", "RequestKind", "Serving", "Setting", "Stored", "Voting", "there",
]  # fmt: skip

T = TypeVar("T")

BATCH = "batch"
CONTROL = "control"
"""Groups of lanes: each is collected by a thread of its own, so no timer waits for a batch."""

GRACE = 0.3
"""Seconds that the asker of a deferred request waits longer than the request itself may take."""


class Others(Protocol):
    """The other roles of the same replica, for the few things that no message can ask."""

    def look(self, role: str, question: Callable[[Any], T]) -> T | None:
        """Put a question to a role while it does nothing else; None if it is away."""
        ...

    def peek(self, role: str, question: Callable[[Any], T], otherwise: T) -> T:
        """Put a question that one glance answers, whatever the role does meanwhile."""
        ...


class Stored(Readable, Protocol):
    """A disk as a role has it when it is made: to be read, now or as it is at a later moment."""

    def snapshot(self) -> Snapshot:
        """Read what is durable then, for as long as that is open."""
        ...


def there(storage: Stored | None) -> Stored:
    """Return the disk of a role that has one. Raises ValueError if it was given none."""
    if storage is None:
        raise ValueError("this role has a disk")
    return storage


class Setting(NamedTuple):
    """What a role is made from, beside its disk.

    `disk` is the acceptor's disk id; `recovering`: it took the place of a lost one; `founding`: it
    was formatted with the cluster, and no role has run on it. `boot`: 8 random bytes of this start
    of the process. `keep`: entries of the log that survive truncation; `history`: what is kept of
    what keys held before.
    """

    me: int
    ids: tuple[int, ...]
    timing: Timing
    keep: int
    boot: bytes
    rng: random.Random
    disk: str
    recovering: bool
    founding: bool
    others: Others
    history: Retention = Retention()


class Disk(NamedTuple):
    """Where a role's records go.

    `behind`: a step's messages wait for its records and the next step does not; else both wait.
    So it is written seldom and much at once, in SQLite's form; else the file is append-only.
    `relearned`: what it holds can be learned again from other replicas, so a damaged file is begun
    anew.
    """

    file: str
    tables: Tables
    behind: bool = False
    relearned: bool = False


class Reports(NamedTuple):
    """What a role reports of itself: plain values, in the order of the names."""

    names: tuple[str, ...]
    values: Callable[[Any], tuple[object, ...]]


class Kind(NamedTuple):
    """One of a replica's roles.

    `make(setting, storage, now)` takes it up; it may raise Corrupt, StorageFailed, DiskLost.
    `vital`: a process in which it broke ends. `about`: what the log says of it when it starts.
    `reports`: what status says of it, as names of fields and as their values while it is up.
    `let_go` ends one that was taken down; `last` is the last step of one whose process ends.
    """

    name: str
    make: Callable[[Setting, Stored | None, float], Role]
    disk: Disk | None = None
    vital: bool = False
    about: Callable[[Any], str] = lambda _: ""
    reports: Reports | None = None
    let_go: Callable[[Any], None] | None = None
    last: Callable[[Any, float], Effects] | None = None


class Voting(NamedTuple):
    """The role by which a replica votes, and comes up last: first it must know whose disk it has.

    `votes`: whether it votes now; `recovering`: whether it still makes up for a lost disk, or
    for what it missed.
    """

    role: str
    votes: Callable[[Any], bool]
    recovering: Callable[[Any], bool]


class Serving(NamedTuple):
    """When a cluster serves: so many of its replicas vote, and one leads if that is needed.

    `among`: of how many, as the role that votes knows; None: of all. `least`: with how few votes
    the rest serves after a while, by the settings of the engine; None: with no fewer.
    """

    votes: Callable[[int], int] = majority
    leader: bool = True
    among: Callable[[Any], int] | None = None
    least: Callable[[Mapping[str, str]], int | None] = lambda _: None


class Presence(NamedTuple):
    """Which roles of a replica are up, and whether it votes."""

    up: Mapping[str, bool]
    votes: bool


class Lane(NamedTuple):
    """A connection to each peer, whose messages wait for those of no other lane.

    `role` handles them, and its daemon takes them; where it has none, that of role `through`.
    """

    name: str
    role: str
    group: str
    through: str = ""

    @property
    def daemon(self) -> str:
        """The role whose daemon takes it."""
        return self.through or self.role


class RequestKind(NamedTuple):
    """What one replica may ask of another; an answer is any other message with a wire form.

    `missed`: its asker acts on NotSent and NoAnswer, else they are of no use to it. `timeout`:
    seconds that an answer may take; None: as long as any. `later`: the type of its answer, where
    that is given in a later step; both have a `number` then, unique at the asker, and the request
    has `timeout`, in seconds.
    """

    lane: Lane
    missed: bool = False
    timeout: Callable[[Message], float] | None = None
    later: type[Message] | None = None


class Declaration(NamedTuple):
    """One package of roles.

    `machine`: what its roles replicate, or pass on what it is asked: its vocabulary is all that
    clients may ask. `kinds`: its roles, in the order in which their inboxes are emptied: those that
    write to a disk after those that compute. `daemons`: those that have a daemon, in the order of
    their ports.
    `messages`: all that have a wire form; the tag of each is its number there. `format`: of those;
    replicas that disagree do not connect. `serving`: what health goes by. `returned`: local
    messages that come back as NotSent if the role is down. `unreachable`: the role that hears of
    peers that refuse connections. `informed`: what which role hears when the presence of roles
    changes; `before_restart`: what which role hears, and does, before another is started again.
    `observing`: what makes events of the roles' steps.
    """

    name: str
    format: int
    machine: type[StateMachine]
    kinds: tuple[Kind, ...]
    daemons: tuple[str, ...]
    messages: tuple[type[Message], ...]
    requests: Mapping[type[Message], RequestKind]
    voter: Voting
    serving: Serving = Serving()
    returned: frozenset[type[Message]] = frozenset()
    unreachable: str | None = None
    observing: Observing = NoEvents
    informed: Callable[[Presence], tuple[tuple[str, Message], ...]] = lambda _: ()
    before_restart: Mapping[str, Callable[[Presence], tuple[str, Message]]] = MappingProxyType({})

    @property
    def roles(self) -> tuple[str, ...]:
        """Names of all roles."""
        return tuple(kind.name for kind in self.kinds)

    @property
    def voters_file(self) -> str:
        """File of the role that votes: with it a replica's disk is lost."""
        voter = self.voter.role
        return next(kind.disk.file for kind in self.kinds if kind.disk and kind.name == voter)

    @property
    def disks(self) -> Mapping[str, Disk]:
        """Every file that roles keep records in, and how."""
        return {kind.disk.file: kind.disk for kind in self.kinds if kind.disk}

    def tables(self, file: str) -> Tables:
        """Tables of the roles that keep their records in `file`."""
        disks = [kind.disk for kind in self.kinds if kind.disk and kind.disk.file == file]
        return {name: key for disk in disks for name, key in disk.tables.items()}

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Every lane that a request takes, once."""
        return tuple(dict.fromkeys(request.lane for request in self.requests.values()))

    def defers(self, message: Message) -> bool:
        """Whether it is a request that is answered in a later step."""
        request = self.requests.get(type(message))
        return request is not None and request.later is not None

    @property
    def late(self) -> frozenset[type[Message]]:
        """Types of the answers of such requests."""
        answers = (request.later for request in self.requests.values())
        return frozenset(answer for answer in answers if answer is not None)

    def timeout(self, message: Message, usual: float) -> float:
        """Seconds that the answer of a request may take; `usual` where it says nothing."""
        timeout = self.requests[type(message)].timeout
        return usual if timeout is None else timeout(message)
