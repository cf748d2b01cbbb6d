"""A simulated replica process: hosts the declared roles as the server's process does.

Rules: records are durable before messages leave; a request gets one answer, from the incarnation it
was sent to; own roles get each other's messages in order; a paused process does nothing and its
clock goes on. It knows no role by name and no message but the host's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from ..cluster.timing import Timing
from ..roles.breaking import AGAIN_SECONDS, DISK, cause
from ..roles.contract import Address, Effects, Message, NotSent, Role
from ..roles.declaration import Presence
from ..storage.interface import Corrupt
from .breaks import Breaks
from .call import Call
from .clock import Clock
from .disk import empty_disks
from .factory import Factory
from .inboxes import Inboxes
from .interface import Monitor, Surroundings
from .leaving import leave
from .network import Network
from .requests import Requests
from .writes import Writes

__all__ = ["Replica"]

R = TypeVar("R")
T = TypeVar("T")

SECOND_THOUGHT = 0.02
"""Chance that a thread is interrupted before it handles its replica's next message."""
INTERRUPTION = 0.03
BACK_AFTER = 0.5
"""Seconds after which the coordinator starts a process again that ended by itself."""


class Replica:
    """One process: its roles while they are up, and its disks, which outlive them."""

    def __init__(
        self, world: Surroundings, me: int, network: Network, monitor: Monitor[Replica]
    ) -> None:
        """Begin with empty disks of a newly founded cluster; `start` it."""
        self.world = world
        self.me = me
        self._network = network
        self._tracing = network.tracing
        self.monitor = monitor
        self.draws = world.draws("replica", me)
        self.up = False
        """The process runs, or is paused; single roles of it may be down."""
        self._declared = world.declared
        self.voter = self._declared.voter.role
        self.disks = empty_disks(self._declared, lambda name: world.draws(name, me))
        self.fallible = sorted(
            self._declared.daemons, key=lambda role: (role in self.disks, role != self.voter)
        )
        """Roles that may fail alone."""
        self.writes = Writes(self)
        self.disk_id = f"disk-{me}-1"
        self.recovering = False
        """Its disk took the place of a lost one."""
        self.starts = 0
        self.boot = b""
        self.resumed_at = 0.0
        self.refused = ""
        """Why the process must not be started before somebody has replaced its disk."""
        self.roles: dict[str, Role] = {}
        self._found: dict[type, Any] = {}
        """Those of them that were asked for by their class, since one came up or went down."""
        self.incarnation = dict.fromkeys(self._declared.roles, 0)
        self.own_clock = Clock(self.draws, world.drift)
        self.factory = Factory(self)
        self._paused: list[Callable[[], None]] | None = None
        self._inboxes = Inboxes(self, network.tracing)
        self.requests = Requests(self, network, self.writes.busy, self._carry)
        self.breaks = Breaks({kind.name: kind.vital for kind in self._declared.kinds})

    # --- what others look at ------------------------------------------------------------------

    @property
    def paused(self) -> bool:
        """The process is stopped, with all its memory and connections."""
        return self._paused is not None

    def role(self, kind: type[R]) -> R | None:
        """Give its role of that class, if that is up."""
        if kind not in self._found:  # asked after each event
            roles = (role for role in self.roles.values() if isinstance(role, kind))
            self._found[kind] = next(roles, None)
        return cast("R | None", self._found[kind])

    def look(self, role: str, question: Callable[[Any], T]) -> T | None:
        """Put a question to a role of its own; None if it is down, or reads its disk."""
        if role not in self.roles or self.writes.reads(role):
            return None
        return question(self.roles[role])

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
        """Start the process from what the disks hold, unless it is up or must not be.

        A process that was killed is not gone before its disk has done what it was asked to.
        """
        if self.up or self.refused:
            return
        if any(self.writes.hang(role) for role in self.disks):
            self.world.after(AGAIN_SECONDS, self.start)
            return
        self.starts += 1
        self.breaks.begin()
        self.factory.begin()
        self.boot = self.draws.bytes(8)
        try:
            # Those first that may refuse to start.
            for kind in sorted(self._declared.kinds, key=lambda kind: kind.disk is None):
                self._load(kind.name)
        except Corrupt as error:
            self.refuse(str(error))
            return
        self.up = True
        self.world.trace(self.me, "process", "started")
        self._inform()
        self.pump()

    def crash(self, why: str = "killed") -> None:
        """Lose all memory; what was synced stays."""
        if not self.up:
            return
        self.up = False
        fates = [self._drop(name) for name in list(self.roles)]
        self.world.trace(self.me, "process", "; ".join([why, *filter(None, fates)]))
        self._paused = None
        self.requests.crashed()
        self._network.reset(self.me)

    def fail(self, name: str) -> None:
        """Take one role down; what it was writing may have reached the disk."""
        if name not in self.roles:
            return
        self.requests.failed(name)
        fate = self._drop(name)
        self.world.trace(self.me, name, f"failed; {fate}" if fate else "failed")
        self._network.reset(self.me, name)
        self._inform()
        self.pump()

    def restart(self, name: str) -> None:
        """Take one role up again from its disk: now, or when the process is resumed."""
        self.run(partial(self._restart, name))

    def _restart(self, name: str) -> None:
        if name in self.roles:
            return
        if self.writes.hang(name):
            self.world.after(AGAIN_SECONDS, partial(self.restart, name))
            return
        if name in self._declared.before_restart:
            first, message = self._declared.before_restart[name](self._presence)
            if first in self.roles:
                sender, tracing = self.address("host"), self._tracing
                tracing.handles(tracing.sent(sender, self.address(first), message))
                self._step(first, self.roles[first], sender, message, None)
        try:
            self._load(name)
        except Exception as error:
            self._broke(name, error)
            return
        self.world.trace(self.me, name, f"restarted, incarnation {self.incarnation[name]}")
        self._inform()
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

    def lose_disk(self, *, all_of_them: bool) -> None:
        """Exchange the disk by which it votes, or `all_of_them`, for a new one."""
        self.crash("lost its disk")
        self.refused = ""
        self.recovering = self.world.host.notices_loss
        for role, disk in self.disks.items():
            if all_of_them or role == self.voter:
                disk.wipe()
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

    def refuse(self, why: str) -> None:
        """End the process, which must not start again on the disk that it has."""
        self.crash("ended")
        for name in list(self.roles):  # it was only starting
            self._drop(name)
        self.refused = why
        self.world.trace(self.me, "process", f"refused to start: {why}")

    def _load(self, name: str) -> None:
        role = self.factory.make(name)
        self.incarnation[name] += 1
        self.roles[name] = role
        self._found.clear()
        self._inboxes.open(name)
        self._tracing.up(self, name)

    def _drop(self, name: str) -> str:
        """Forget a role; what became of its unsynced writes."""
        self._found.clear()
        if self.roles.pop(name, None) is not None:
            self._tracing.down(self, name)
        self._inboxes.close(name)
        self.requests.drop(name)
        return self.writes.fence(name)

    def _inform(self) -> None:
        """Inform the roles of who is up: one that is down sends nothing."""
        for role, message in self._declared.informed(self._presence):
            self.post(self.address("host"), role, message)

    @property
    def _presence(self) -> Presence:
        up = {name: name in self.roles for name in self._declared.roles}
        return Presence(up, self._votes)

    @property
    def _votes(self) -> bool:
        role = self.roles.get(self.voter)
        return role is not None and self._declared.voter.votes(role)

    # --- steps --------------------------------------------------------------------------------

    def run(self, action: Callable[[], None]) -> None:
        """Do something in this process: now, or when it is resumed."""
        if self._paused is not None:
            self._paused.append(action)
        elif self.up:
            action()

    def after(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        """Do something for a role later, if it is then still the same incarnation."""
        incarnation = self.incarnation[name]

        def due() -> None:
            if name in self.roles and incarnation == self.incarnation[name]:
                action()

        self.world.after(seconds, partial(self.run, due))

    def act(self, name: str, action: Callable[[Any, float], Effects]) -> None:
        """Have a role do something on behalf of a client, unless it is down."""
        if name in self.roles:
            self._settle(name, action(self.roles[name], self.clock()), None)
            self.pump()

    def deliver(self, role: str, message: Message) -> None:
        """Give a role a message of its host."""
        self.post(self.address("host"), role, message)
        self.run(self.pump)

    def nudge(self, name: str) -> None:
        """Wake a role though nothing is due, which must be harmless."""
        self._inboxes.nudge(name)
        self.run(self.pump)

    def post(self, sender: Address, role: str, message: Message, id: int | None = None) -> None:
        """Leave a message in an own role's inbox; lost if the role is down or has too many.

        `id` is its number in traces; None: it is the host's, and has none yet.
        """
        if id is None:
            id = self._tracing.sent(sender, self.address(role), message)
        if self._inboxes.put(sender, role, message, id):
            return
        if type(message) in self._declared.returned:
            self._tracing.fate(id, "refused")
            self.post(self.address(role), sender.role, NotSent(self.me, message))
        else:
            self._tracing.fate(id, "lost", "the role is down, or too much waits for it")

    def pump(self) -> None:
        """Empty the inboxes, in any order but each in its own."""
        while not self.paused and (ready := self._ready()):
            if self.draws.chance(SECOND_THOUGHT):
                self.world.after(self.draws.between(0, INTERRUPTION), partial(self.run, self.pump))
                return
            self.draws.choice(ready)()

    def _ready(self) -> list[Callable[[], None]]:
        """List what may be done next: the first of an inbox, or a request that waited."""
        busy, waiting = self.writes.busy, self.requests.waiting
        filled = [name for name in self._inboxes.filled() if not busy(name)]
        asked = [name for name in self.roles if waiting(name) and not busy(name)]
        return [
            *(partial(self._take, name) for name in filled),
            *(partial(self.requests.serve_next, name) for name in asked),
        ]

    def _take(self, name: str) -> None:
        sender, message, id = self._inboxes.take(name)
        self._tracing.handles(id)
        self._step(name, self.roles[name], sender, message, None)

    def handle(self, call: Call) -> None:
        """Handle a request of another replica."""
        self.requests.serve(call)
        self.pump()

    def _carry(self, role: Role, call: Call) -> None:
        self._step(call.to.role, role, call.asker, call.message, call)

    def _step(
        self, name: str, role: Role, sender: Address, message: Message | None, call: Call | None
    ) -> None:
        now, voted = self.clock(), self._votes
        try:
            effects = role.wake(now) if message is None else role.receive(now, sender, message)
            self.breaks.strike(name)
        except Exception as error:
            self._broke(name, error)
            return
        self._tracing.stepped(self, name, sender, message, effects)
        self.monitor.stepped(self, name, role, effects)
        self._settle(name, effects, call)
        if self._votes != voted:
            self._inform()

    def _settle(self, name: str, effects: Effects, call: Call | None) -> None:
        if effects.wake_at is not None:
            self._inboxes.wake(name, effects.wake_at)
        self.writes.carry_out(name, effects, call)

    def _broke(self, name: str, error: Exception) -> None:
        """Take a role down that raised, or the process."""
        again = self.breaks.judge(name, error)
        if again is not None:
            self.world.trace(self.me, name, f"broke: {error}")
            self.fail(name)
            self.world.after(again, partial(self.restart, name))
        elif cause(error) == DISK:
            self.refuse(str(error))
        else:
            self.end(str(error))

    def leave(self, name: str, effects: Effects, call: Call | None) -> None:
        """Let the messages of a role's step go; `call` is the request that it handled."""
        ids = self._tracing.left(self, name, effects)  # first: what breaks a rule is to be seen
        self.monitor.left(self, name, effects.messages)
        leave(self, self._network, name, ids, effects, call)
