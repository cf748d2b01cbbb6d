"""A bag of messages: replicas of the real role objects, over memory disks, in virtual time.

Rules: everything random comes from one seed; a replica does what its host would (records before
messages, requests answered once, answers fenced by incarnation, own roles told of each other); each
replica has a clock of its own, off by any offset and by up to 0.9 % in rate. What must hold is in
watch.py, who asks for what in clients.py, what goes wrong in faults.py.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from functools import partial

from kvrmi.interface import Answer
from kvrmi.log import TABLES as LOG_TABLES
from kvrmi.log import Log
from kvrmi.machine import TABLES as MACHINE_TABLES
from kvrmi.machine import Machine
from kvrmi.paxos.acceptor import TABLES as ACCEPTOR_TABLES
from kvrmi.paxos.acceptor import Acceptor, State
from kvrmi.paxos.ballot import NO_BALLOT
from kvrmi.paxos.effects import Address, Effects, Envelope, Role
from kvrmi.paxos.front import Front
from kvrmi.paxos.learner import Learner
from kvrmi.paxos.messages import (
    Confirm,
    Forwarded,
    Leading,
    Message,
    NotSent,
    Propose,
    RolesUp,
)
from kvrmi.paxos.proposer import Proposer
from kvrmi.paxos.rejoin import COPIED, MUST_COPY, Rejoin
from kvrmi.storage.interface import Put, Record
from kvrmi.storage.memory import Disk, MemoryStorage

from .bench import TIMING
from .network import REQUESTS, Call, Network
from .watch import Violation, Watch

__all__ = ["Bag", "Node"]

LEARNER_TABLES = {**MACHINE_TABLES, **LOG_TABLES}
ROLES = ("proposer", "acceptor", "learner")
SECOND_THOUGHT = 0.02
"""Chance that a thread is interrupted before it handles its replica's next message."""


class Node:
    """One replica: its roles while they are up, and its disks, which outlive them."""

    def __init__(self, bag: Bag, replica: int) -> None:
        self.bag = bag
        self.replica = replica
        self.votes: Disk = {}
        self.state: Disk = {}
        self.disk = f"disk-{replica}-1"
        self.founding = True
        self.started = 0
        self.roles: dict[str, Role] = {}
        self.incarnation = dict.fromkeys((*ROLES, "front"), 0)
        self._rate = bag.rng.uniform(0.991, 1.009)
        self._offset = bag.rng.uniform(0, 1000)
        self._inbox: dict[str, deque[tuple[Address, Message | None]]] = {}
        self._wake_at: dict[str, float] = {}
        self._behind: deque[tuple[tuple[Record, ...], tuple[Envelope, ...]]] = deque()

    @property
    def up(self) -> bool:
        """The process runs; single roles of it may be down."""
        return "front" in self.roles

    def clock(self) -> float:
        """What this replica's clock shows."""
        return self._offset + self.bag.now * self._rate

    def address(self, role: str) -> Address:
        return Address(self.replica, role)

    # Roles by name, for those who look at them.

    @property
    def acceptor(self) -> Acceptor | None:
        role = self.roles.get("acceptor")
        return role if isinstance(role, Acceptor) else None

    @property
    def proposer(self) -> Proposer | None:
        role = self.roles.get("proposer")
        return role if isinstance(role, Proposer) else None

    @property
    def learner(self) -> Learner | None:
        role = self.roles.get("learner")
        return role if isinstance(role, Learner) else None

    @property
    def front(self) -> Front | None:
        role = self.roles.get("front")
        return role if isinstance(role, Front) else None

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process from what the disks hold."""
        self.started += 1
        boot = self.bag.rng.randbytes(8)
        for name in ("learner", "acceptor", "proposer"):
            self._load(name)
        front = Front(self.replica, boot, TIMING, self._fresh, self._answer)
        self._take_up("front", front)
        self._tell_roles()
        self.pump()

    def crash(self) -> None:
        """Lose all memory; what is written stays."""
        for name in list(self.roles):
            self._drop(name)
        self.bag.network.reset(self.replica)

    def fail(self, name: str) -> None:
        """Take one role down."""
        self._drop(name)
        self.bag.network.reset(self.replica, name)
        self._tell_roles()
        self.pump()

    def restart(self, name: str) -> None:
        """Take one role up again from its disk."""
        if self.up and name not in self.roles:
            self._load(name)
            self._tell_roles()
            self.pump()

    def wipe(self, *, state_too: bool) -> None:
        """Lose the acceptor's disk, and the learner's if `state_too`; only while down."""
        self.votes = {}
        if state_too:
            self.state = {}
        self.disk = f"disk-{self.replica}-{self.started + 1}"
        row = State(stage=MUST_COPY).pack()
        MemoryStorage(ACCEPTOR_TABLES, self.votes).write([Put("acceptor", "state", row)])

    def _load(self, name: str) -> None:
        if name == "acceptor":
            self._take_up(name, self._load_acceptor())
        elif name == "learner":
            disk = MemoryStorage(LEARNER_TABLES, self.state)
            log = Log.load(disk, self.bag.keep)
            learner = Learner(self.replica, self.bag.ids, Machine.load(disk), log, disk.snapshot)
            self._take_up(name, learner)
        else:
            rng, now = self.bag.rng, self.clock()
            self._take_up(name, Proposer(self.replica, self.bag.ids, now, rng, TIMING))

    def _load_acceptor(self) -> Acceptor:
        disk = MemoryStorage(ACCEPTOR_TABLES, self.votes)
        row = disk.read("acceptor", "state")
        stage = State.unpack(row).stage if row else 0
        rejoin = None
        if stage:
            rejoin = Rejoin(self.replica, self.bag.ids, self.disk, copied=stage == COPIED)
        founding, self.founding = self.founding, False
        now = self.clock()
        return Acceptor.load(self.replica, disk, now, TIMING, founding=founding, rejoin=rejoin)

    def _take_up(self, name: str, role: Role) -> None:
        self.incarnation[name] += 1
        self.roles[name] = role
        self._inbox[name] = deque()
        self._wake_at.pop(name, None)
        self._wake_later(name, self.clock())

    def _drop(self, name: str) -> None:
        self.roles.pop(name, None)
        self._inbox.pop(name, None)
        if name == "learner":
            self._behind.clear()

    def _tell_roles(self) -> None:
        if "proposer" not in self.roles:
            self.post(self.address("host"), "front", Leading(0, NO_BALLOT, False))
        up = RolesUp("acceptor" in self.roles, "learner" in self.roles)
        self.post(self.address("host"), "proposer", up)

    def _may_read(self, now: float) -> bool:
        return self.proposer is not None and self.proposer.may_read(now)

    def _fresh(self, now: float, question: bytes) -> Answer | None:
        return self._answer(0, question) if self._may_read(now) else None

    def _answer(self, slot: int, question: bytes) -> Answer | None:
        learner = self.learner
        return learner.read(question) if learner and learner.applied >= slot else None

    # --- steps ------------------------------------------------------------------------------------

    def act(self, action: Callable[[Front, float], Effects]) -> None:
        """Have the front do something on behalf of a client."""
        if self.front is not None:
            self._settle("front", action(self.front, self.clock()), None)
            self.pump()

    def post(self, sender: Address, role: str, message: Message | None) -> None:
        """Leave a message in an own role's inbox; lost if the role is down."""
        if role in self.roles:
            self._inbox[role].append((sender, message))
        elif isinstance(message, Propose | Confirm):
            self.post(self.address(role), sender.role, NotSent(self.replica, message))

    def pump(self) -> None:
        """Empty the inboxes, in any order but each in its own."""
        rng = self.bag.rng
        while full := [name for name, inbox in self._inbox.items() if inbox]:
            if rng.random() < SECOND_THOUGHT:
                self.bag.after(rng.uniform(0.0, 0.03), self.pump)
                return
            name = full[int(rng.random() * len(full))]
            sender, message = self._inbox[name].popleft()
            self._step(name, sender, message, None)

    def handle(self, call: Call) -> None:
        """Handle a request of another replica, in the call that brought it."""
        self._step(call.to.role, call.asker, call.message, call)
        self.pump()

    def _step(self, name: str, sender: Address, message: Message | None, call: Call | None) -> None:
        role, now = self.roles[name], self.clock()
        effects = role.wake(now) if message is None else role.receive(now, sender, message)
        self.bag.watch.stepped(self, name, message, effects)
        self._settle(name, effects, call)

    def _settle(self, name: str, effects: Effects, call: Call | None) -> None:
        if effects.wake_at is not None:
            self._wake_later(name, effects.wake_at)
        if effects.records and name == "learner":
            self._behind.append((effects.records, effects.messages))
            delay = self.bag.rng.uniform(0.0, 0.02)
            self.bag.after(delay, partial(self._write_behind, self.incarnation[name]))
            return
        if effects.records:
            MemoryStorage(ACCEPTOR_TABLES, self.votes).write(effects.records)
        self._route(name, effects.messages, call)

    def _write_behind(self, incarnation: int) -> None:
        if self._behind and incarnation == self.incarnation["learner"]:
            records, messages = self._behind.popleft()
            MemoryStorage(LEARNER_TABLES, self.state).write(records)
            self._route("learner", messages, None)
            self.pump()

    def _route(self, name: str, messages: tuple[Envelope, ...], call: Call | None) -> None:
        network = self.bag.network
        answers = 0
        for to, message in messages:
            if to.replica == self.replica:
                self.post(self.address(name), to.role, message)
            elif isinstance(message, Forwarded):
                network.forwarded(self, to, message)
            elif isinstance(message, REQUESTS):
                network.ask(self, name, to, message)
            else:
                if call is None or to != call.asker:
                    raise Violation(f"{message} for {to} answers nothing")
                answers += 1
                network.answer(call, message)
        if call is not None:
            self.bag.watch.answered_once(call, answers)

    def _wake_later(self, name: str, at: float) -> None:
        known = self._wake_at.get(name)
        if known is not None and known <= at:
            return
        self._wake_at[name] = at
        due = max(self.bag.now, (at - self._offset) / self._rate) + self.bag.rng.uniform(0, 0.02)
        incarnation = self.incarnation[name]
        self.bag.at(due, lambda: self._wake(name, incarnation, at))

    def _wake(self, name: str, incarnation: int, at: float) -> None:
        if name not in self.roles or incarnation != self.incarnation[name]:
            return
        if self._wake_at.get(name) == at:
            del self._wake_at[name]
            self.post(self.address(name), name, None)
            self.pump()


class Bag:
    """The world: replicas, network, time, and what is due when."""

    def __init__(self, seed: str, replicas: int) -> None:
        """Start `replicas` of a newly founded cluster; the same seed gives the same run."""
        self.rng = random.Random(seed)
        self.now = 1.0
        self.events = 0
        self.ids = tuple(range(1, replicas + 1))
        self.keep = self.rng.choice((3, 10, 1000))
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.network = Network(self.rng, self)
        self.watch = Watch(self)
        self.nodes = {i: Node(self, i) for i in self.ids}
        for node in self.nodes.values():
            node.start()

    def at(self, time: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time, next(self._order), action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.at(self.now + seconds, action)

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let time pass; True as soon as `until` holds."""
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            if until is not None and until():
                return True
            time, _, action = heapq.heappop(self._due)
            self.now = max(self.now, time)
            self.events += 1
            action()
            self.watch.after_event()
        self.now = end
        return until is not None and until()
