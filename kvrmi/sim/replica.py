"""A simulated replica process: hosts the production roles as the server's process does.

Rules: records are durable before messages leave, an acceptor handles nothing while it writes; a
request gets one answer, from the incarnation it was sent to; own roles get each other's messages in
order; a paused process does nothing and its clock goes on. It decides nothing about consensus.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..cluster.config import Timing
from ..paxos.acceptor import Acceptor
from ..paxos.ballot import NO_BALLOT
from ..paxos.declaration import PAXOS
from ..paxos.front import Front
from ..paxos.learner import Learner
from ..paxos.messages import Leading, RolesUp
from ..paxos.proposer import Proposer
from ..roles.contract import Address, Effects, Message, NotSent, Role
from ..roles.invariants import DiskLost
from ..storage.interface import Corrupt
from .clock import Clock
from .disk import SimDisk
from .factory import Factory
from .network import Call
from .writes import Writes

if TYPE_CHECKING:
    from .world import World

__all__ = ["ROLES", "Replica"]

T = TypeVar("T")

ROLES = ("proposer", "acceptor", "learner")
SECOND_THOUGHT = 0.02
"""Chance that a thread is interrupted before it handles its replica's next message."""
INTERRUPTION = 0.03
LATE_WAKE = 0.02
BACK_AFTER = 0.5
"""Seconds after which the coordinator starts a process again that ended by itself."""
CALLS = "calls"
"""Stands for the requests that wait for the acceptor, among the inboxes."""


class Replica:
    """One process: its roles while they are up, and its disks, which outlive them."""

    def __init__(self, world: World, me: int) -> None:
        """Begin with empty disks of a newly founded cluster; `start` it."""
        self.world = world
        self.me = me
        self.draws = world.draws("replica", me)
        self.votes = SimDisk(PAXOS.tables("acceptor.db"), world.draws("votes", me))
        self.state = SimDisk(PAXOS.tables("learner.db"), world.draws("state", me))
        self.writes = Writes(self, self.votes, self.state)
        self.disk_id = f"disk-{me}-1"
        self.recovering = False
        """Its disk took the place of a lost one."""
        self.starts = 0
        self.boot = b""
        self.resumed_at = 0.0
        self.refused = ""
        """Why the process must not be started before somebody has replaced its disk."""
        self.roles: dict[str, Role] = {}
        self.incarnation = dict.fromkeys((*ROLES, "front"), 0)
        self.own_clock = Clock(self.draws, world.drift)
        self.factory = Factory(self)
        self._paused: list[Callable[[], None]] | None = None
        self._former: dict[tuple[str, int], Role] = {}
        self._inbox: dict[str, deque[tuple[Address, Message | None]]] = {}
        self._wake_at: dict[str, float] = {}

    # --- what others look at ------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """The process runs, or is paused; single roles of it may be down."""
        return "front" in self.roles

    @property
    def paused(self) -> bool:
        """The process is stopped, with all its memory and connections."""
        return self._paused is not None

    @property
    def acceptor(self) -> Acceptor | None:
        """The acceptor, if it is up."""
        role = self.roles.get("acceptor")
        return role if isinstance(role, Acceptor) else None

    @property
    def proposer(self) -> Proposer | None:
        """The proposer, if it is up."""
        role = self.roles.get("proposer")
        return role if isinstance(role, Proposer) else None

    @property
    def learner(self) -> Learner | None:
        """The learner, if it is up."""
        role = self.roles.get("learner")
        return role if isinstance(role, Learner) else None

    @property
    def front(self) -> Front | None:
        """The front, if the process is up."""
        role = self.roles.get("front")
        return role if isinstance(role, Front) else None

    def look(self, role: str, question: Callable[[Any], T]) -> T | None:
        """Put a question to a role of its own; None if it is down."""
        return question(self.roles[role]) if role in self.roles else None

    def peek(self, role: str, question: Callable[[Any], T], otherwise: T) -> T:
        """Put a question that one glance answers; `otherwise` if the role is down."""
        return question(self.roles[role]) if role in self.roles else otherwise

    def clock(self) -> float:
        """Read what this replica's clock shows, in seconds."""
        return self.own_clock.shows(self.world.now)

    def address(self, role: str) -> Address:
        """Give the address of one of its roles."""
        return Address(self.me, role)

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process from what the disks hold, unless it is up or must not be."""
        if self.up or self.refused:
            return
        self.starts += 1
        self.boot = self.draws.bytes(8)
        try:
            for name in ("learner", "acceptor", "proposer"):
                self._load(name)
        except Corrupt as error:
            self._refuse(str(error))
            return
        self.world.trace(self.me, "process", "started")
        self._load("front")
        self._report_roles()
        self.pump()

    def crash(self, why: str = "killed") -> None:
        """Lose all memory; what was synced stays."""
        if not self.up:
            return
        fates = [self._drop(name) for name in list(self.roles)]
        self.world.trace(self.me, "process", "; ".join([why, *filter(None, fates)]))
        self._paused = None
        self._former.clear()
        self.world.network.reset(self.me)

    def fail(self, name: str) -> None:
        """Take one role down; what it was writing may have reached the disk."""
        if name not in self.roles:
            return
        self._former[name, self.incarnation[name]] = self.roles[name]
        fate = self._drop(name)
        self.world.trace(self.me, name, f"failed; {fate}" if fate else "failed")
        self.world.network.reset(self.me, name)
        self._report_roles()
        self.pump()

    def restart(self, name: str) -> None:
        """Take one role up again from its disk: now, or when the process is resumed."""
        self.run(partial(self._restart, name))

    def _restart(self, name: str) -> None:
        if name in self.roles:
            return
        if name == "learner" and "proposer" in self.roles:
            # As in the server: our term is over before a learner comes back that may know less.
            down = RolesUp("acceptor" in self.roles, False)
            self._step("proposer", self.roles["proposer"], self.address("host"), down, None)
        try:
            self._load(name)
        except Corrupt as error:
            self.end(str(error))
            return
        self.world.trace(self.me, name, f"restarted, incarnation {self.incarnation[name]}")
        self._report_roles()
        self.pump()

    def pause(self) -> None:
        """Stop the process where it stands (SIGSTOP)."""
        if self.up and self._paused is None:
            self._paused = []
            self.world.trace(self.me, "process", "paused")

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        if self._paused is not None:
            due, self._paused = self._paused, None
            self.resumed_at = self.world.now
            self.world.trace(self.me, "process", "resumed")
            for action in self.draws.sample(due, len(due)):  # threads go on in any order
                action()

    def lose_disk(self, *, state_too: bool) -> None:
        """Exchange the acceptor's disk, and the learner's if `state_too`, for a new one."""
        self.crash("lost its disk")
        self.refused = ""
        self.votes.wipe()
        self.recovering = self.world.parts.notices_loss
        if state_too:
            self.state.wipe()
        self.disk_id = f"disk-{self.me}-{self.starts + 1}"

    def retime(self, timing: Timing | None) -> None:
        """Start anew with other times, as after an edit of its file; None: with everybody's."""
        self.crash("its times are edited")
        self.factory.retime(timing)
        self.start()

    def end(self, why: str) -> None:
        """End the process as the server does when it cannot go on; it is started again."""
        self.crash(why)
        self.world.after(BACK_AFTER, self.start)

    def _refuse(self, why: str) -> None:
        for name in list(self.roles):
            self._drop(name)
        self.refused = why
        self.world.trace(self.me, "process", f"refused to start: {why}")

    def _load(self, name: str) -> None:
        self._take_up(name, self.factory.make(name))

    def _take_up(self, name: str, role: Role) -> None:
        self.incarnation[name] += 1
        self.roles[name] = role
        self._inbox[name] = deque()
        self._wake_at.pop(name, None)
        self._wake_later(name, self.clock())

    def _drop(self, name: str) -> str:
        """Forget a role; what became of its unsynced writes."""
        self.roles.pop(name, None)
        self._inbox.pop(name, None)
        return self.writes.fence(name)

    def _report_roles(self) -> None:
        if "proposer" not in self.roles:
            self.post(self.address("host"), "front", Leading(0, NO_BALLOT, False))
        up = RolesUp("acceptor" in self.roles, "learner" in self.roles, self._votes)
        self.post(self.address("host"), "proposer", up)

    @property
    def _votes(self) -> bool:
        return self.acceptor is not None and self.acceptor.voting

    # --- steps --------------------------------------------------------------------------------

    def run(self, action: Callable[[], None]) -> None:
        """Do something in this process: now, or when it is resumed."""
        if self._paused is not None:
            self._paused.append(action)
        elif self.up:
            action()

    def act(self, action: Callable[[Front, float], Effects]) -> None:
        """Have the front do something on behalf of a client."""
        if self.front is not None:
            self._settle("front", action(self.front, self.clock()), None)
            self.pump()

    def deliver(self, role: str, message: Message) -> None:
        """Give a role a message of its host."""
        self.post(self.address("host"), role, message)
        self.run(self.pump)

    def post(self, sender: Address, role: str, message: Message | None) -> None:
        """Leave a message in an own role's inbox; lost if the role is down."""
        if role in self.roles:
            self._inbox[role].append((sender, message))
        elif type(message) in PAXOS.returned and message is not None:
            self.post(self.address(role), sender.role, NotSent(self.me, message))

    def pump(self) -> None:
        """Empty the inboxes, in any order but each in its own."""
        while not self.paused and (full := self._ready()):
            if self.draws.chance(SECOND_THOUGHT):
                self.world.after(self.draws.between(0, INTERRUPTION), partial(self.run, self.pump))
                return
            name = self.draws.choice(full)
            if name == CALLS:
                self._serve(self.writes.waiting.popleft())
            else:
                sender, message = self._inbox[name].popleft()
                self._step(name, self.roles[name], sender, message, None)

    def _ready(self) -> list[str]:
        ready = [name for name, inbox in self._inbox.items() if inbox]
        if self.writes.busy:
            return [name for name in ready if name != "acceptor"]
        return [*ready, CALLS] if self.writes.waiting else ready

    def handle(self, call: Call) -> None:
        """Handle a request of another replica."""
        self._serve(call)
        self.pump()

    def _serve(self, call: Call) -> None:
        name = call.to.role
        role = self.roles.get(name)
        if call.target != self.incarnation[name]:
            # The connection was made to an incarnation that has been fenced since.
            role = None if self.world.parts.fences else self._former.get((name, call.target))
        if role is None:
            self.world.network.break_off(call)
        elif name == "acceptor" and self.writes.busy:
            self.writes.waiting.append(call)
        else:
            self._step(name, role, call.asker, call.message, call)

    def _step(
        self, name: str, role: Role, sender: Address, message: Message | None, call: Call | None
    ) -> None:
        now, voted = self.clock(), self._votes
        try:
            effects = role.wake(now) if message is None else role.receive(now, sender, message)
        except DiskLost as error:
            self.crash("ended")
            self._refuse(str(error))
            return
        except Corrupt:  # found by a learner that serves a snapshot; its host starts it again
            self.fail(name)
            self.world.after(BACK_AFTER, partial(self.restart, name))
            return
        if message is not None:
            self.world.traced_step(self, name, sender, message)
        self.world.monitor.stepped(self, name, role, effects)
        self._settle(name, effects, call)
        if self._votes != voted:
            self._report_roles()

    def _settle(self, name: str, effects: Effects, call: Call | None) -> None:
        if effects.wake_at is not None:
            self._wake_later(name, effects.wake_at)
        if not effects.records:
            self.leave(name, effects, call)
        else:
            self.writes.write(name, effects, call)

    def leave(self, name: str, effects: Effects, call: Call | None) -> None:
        """Let the messages of a step go: to own roles, as requests, or as answers."""
        network = self.world.network
        self.world.monitor.left(self, name, effects.messages)
        answers = 0
        for to, message in ((sent.to, sent.message) for sent in effects.messages):
            if to.replica == self.me:
                self.post(self.address(name), to.role, message)
            elif PAXOS.answers_late(message):
                network.answer_late(to, message)
            elif type(message) in PAXOS.requests:
                network.ask(self, name, to, message)
            else:
                answers += self._answers(call, to, message)
        if call is not None:
            self.world.monitor.answered_once(call, answers)

    def _answers(self, call: Call | None, to: Address, message: Message) -> int:
        self.world.monitor.require(
            call is not None and to == call.asker, f"{message} for {to} answers nothing"
        )
        if call is not None:
            self.world.network.answer(call, message)
        return 1

    # --- time ---------------------------------------------------------------------------------

    def after(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        """Do something for a role later, if it is then still the same incarnation."""
        incarnation = self.incarnation[name]

        def due() -> None:
            if name in self.roles and incarnation == self.incarnation[name]:
                action()

        self.world.after(seconds, partial(self.run, due))

    def _wake_later(self, name: str, at: float) -> None:
        known = self._wake_at.get(name)
        if known is not None and known <= at:
            return
        self._wake_at[name] = at
        wait = self.own_clock.until(at, self.world.now)
        self.after(name, wait + self.draws.between(0, LATE_WAKE), partial(self._wake, name, at))

    def _wake(self, name: str, at: float) -> None:
        if self._wake_at.get(name) == at:
            del self._wake_at[name]
            self.post(self.address(name), name, None)
            self.pump()
