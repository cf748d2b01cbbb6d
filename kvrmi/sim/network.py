"""The simulated network: requests and their answers, late, lost, repeated or out of order.

Rules: a request is answered at most once in a call, and the answer is of use only to the role
incarnation that asked; a deferred request is never repeated (its connection is TCP); of those
requests whose asker acts on it, it always learns that none was sent or that no answer will come.
It reads no message but to know whether it is a request.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, cast

from ..roles.contract import Address, Message, NoAnswer, NotSent, Unreachable
from ..roles.declaration import Lane
from .call import Call
from .interface import Process, Surroundings
from .tracing import Tracing

__all__ = ["USUAL_LAG", "Catch", "Network"]

Catch: TypeAlias = Callable[[Address, Address, Message, Callable[[], None]], str]
"""Asked of each message as it leaves (sender, receiver, message, arrive): "" lets it pass.

Else it is taken out, and the word is its fate: held, lost or cut (seen.py). Calling `arrive` later
lets it arrive after all.
"""

USUAL_LAG = 0.002
SLOWEST = 3.0
AGES = 20
"""Times SLOWEST that one in twenty of the slow messages may take: a minute."""
REFUSED_AFTER = 0.001


class Network:
    """Carries calls, each way within `lag` seconds.

    `loss`, `slow` (up to SLOWEST) and `twice` are chances; `cuts` are one-way pairs of replicas.
    """

    def __init__(self, world: Surroundings, tracing: Tracing) -> None:
        """Begin with good weather."""
        self.loss = self.slow = self.twice = 0.0
        self.lag = USUAL_LAG
        self.cuts: set[tuple[int, int]] = set()
        self.catch: Catch = lambda *_: ""
        self.barred: set[tuple[int, int]] = set()
        """Links on which `catch` cuts everything; for who looks on."""
        self.doomed: set[int] = set()
        """Messages that are lost when they leave, by their numbers in traces."""
        self.late = world.declared.late
        self._world = world
        self.tracing = tracing
        self._fate = tracing.fate
        self._declared = world.declared
        self._draws = world.draws("network")
        self._deferred: dict[tuple[int, int], Call] = {}
        self._open: dict[int, list[Call]] = {i: [] for i in world.ids}

    @property
    def closed(self) -> set[tuple[int, int]]:
        """Links on which nothing passes, whoever closed them."""
        return self.cuts | self.barred

    def calm(self) -> None:
        """From now on everything arrives."""
        self.catch = lambda *_: ""
        self.loss = self.slow = self.twice = 0.0
        self.lag = USUAL_LAG
        self.cuts.clear()

    def mend(self) -> None:
        """End all cuts, whoever made them."""
        self.cuts.clear()
        self.barred.clear()

    def reset(self, replica: int, role: str = "") -> None:
        """Break the connections to a replica, or to one role's daemon; who waits learns that."""
        calls, self._open[replica] = self._open[replica], []
        for call in calls:
            if role in ("", self._lane(call).daemon):
                self.break_off(call)
            else:
                self._open[replica].append(call)

    # --- there --------------------------------------------------------------------------------

    def ask(self, replica: Process, role: str, to: Address, message: Message, id: int) -> None:
        """Send a request; `id` is its number in traces."""
        target = self._world.replicas[to.replica]
        call = Call(
            id,
            replica.address(role),
            replica.incarnation[role],
            to,
            target.incarnation[to.role],
            message,
        )
        if not target.up or (self._closed(call) and self._draws.chance(0.5)):
            self._refuse(replica, call)
        elif (replica.me, to.replica) in self.cuts:
            self._swallow(call)
        else:
            self._send(call)

    def _refuse(self, replica: Process, call: Call) -> None:
        """Nobody listens there any more, and connecting says so."""
        peer = call.to.replica
        self._fate(call.id, "refused")
        self._fail(call, NotSent(peer, call.message), REFUSED_AFTER)
        hears = self._declared.unreachable
        if hears is not None and self._draws.chance(0.5):
            replica.post(replica.address("host"), hears, Unreachable(peer))

    def _swallow(self, call: Call) -> None:
        """Let a cut be noticed before a byte was sent, or never."""
        self._fate(call.id, "cut")
        if self._draws.chance(0.5):
            self._fail(call, NotSent(call.to.replica, call.message), 0.0)
        else:
            self._await(call)

    def _send(self, call: Call) -> None:
        if self._lost():
            self._fate(call.id, "lost")
        else:
            arrive = partial(self._arrive, call)
            self._carry(call.asker, call.to, call.message, call.id, arrive)
        if (
            not self._declared.defers(call.message)
            and self.twice
            and self._draws.chance(self.twice)
        ):
            # As late as anything: what is out of date by then must do no harm.
            late = self._draws.between(0.0, SLOWEST)
            self._world.after(late, partial(self._arrive, call))
        if self._missed(call):
            self._await(call)

    def _await(self, call: Call) -> None:
        """Inform the asker when no answer has come in time."""
        message = call.message
        timeout = self._declared.timeout(message, self._world.timing.answer)
        self._fail(call, NoAnswer(call.to.replica, message), timeout)
        still = [known for known in self._open[call.to.replica] if not known.over]
        self._open[call.to.replica] = [*still, call]

    def _arrive(self, call: Call) -> None:
        replica = self._world.replicas[call.to.replica]
        if replica.up:
            replica.run(partial(self._serve, replica, call))
        else:
            self.break_off(call, "the process is down")

    def _lane(self, call: Call) -> Lane:
        return self._declared.requests[type(call.message)].lane

    def _closed(self, call: Call) -> bool:
        """Whether the daemon that takes it is closed, as its role is down."""
        return self._lane(call).daemon not in self._world.replicas[call.to.replica].roles

    def _serve(self, replica: Process, call: Call) -> None:
        if self._lane(call).through and self._closed(call):
            self.break_off(call, "the daemon is closed")
            return
        now = replica.incarnation[call.to.role]
        if call.target != now and self._draws.chance(0.5):
            call.target = now  # it was still waiting for a connection when the role came back
        if self._declared.defers(call.message):
            self._deferred[call.asker.replica, _number(call.message)] = call
        replica.handle(call)

    def break_off(self, call: Call, why: str = "") -> None:
        """Close the connection before an answer came; `why` the request is not handled, if so."""
        if why:
            self._fate(call.id, "late" if call.arrived else "lost", why)
        self._fail(call, NoAnswer(call.to.replica, call.message), self._delay())

    def _carry(
        self, sender: Address, to: Address, message: Message, id: int, arrive: Callable[[], None]
    ) -> None:
        if id in self.doomed:
            self._fate(id, "lost", "by hand")
        elif caught := self.catch(sender, to, message, arrive):
            self._fate(id, caught)
        else:
            self._world.after(self._delay(), arrive)

    def _lost(self) -> bool:
        return self.loss > 0 and self._draws.chance(self.loss)

    def _delay(self) -> float:
        if self.slow and self._draws.chance(self.slow):
            return self._draws.between(0.0, SLOWEST) * (AGES if self._draws.chance(0.05) else 1)
        return self._draws.between(0.0001, self.lag)

    # --- and back -----------------------------------------------------------------------------

    def answer(self, call: Call | None, message: Message, id: int) -> None:
        """Send the answer of a call; `id` is its number in traces."""
        if call is None:
            self._fate(id, "late", "the request was answered, or its connection is gone")
        elif self._lost():
            self._fate(id, "lost")
        elif (call.to.replica, call.asker.replica) in self.cuts:
            self._fate(id, "cut")
        else:
            self._carry(call.to, call.asker, message, id, partial(self._bring, call, message, id))

    def answer_late(self, to: Address, message: Message, id: int) -> None:
        """Send the answer of an earlier, deferred request."""
        self.answer(self._deferred.pop((to.replica, _number(message)), None), message, id)

    def _fail(self, call: Call, news: NotSent | NoAnswer, after: float) -> None:
        if self._missed(call):
            self._world.after(after, partial(self._bring, call, news, 0))

    def _bring(self, call: Call, message: Message, id: int) -> None:
        asker = self._world.replicas[call.asker.replica]
        asker.run(partial(self._give, asker, call, message, id))

    def _give(self, asker: Process, call: Call, message: Message, id: int) -> None:
        """Give the asker its answer, or the news that there is none: whichever comes first."""
        role = call.asker.role
        if call.incarnation != asker.incarnation[role] or role not in asker.roles:
            self._fate(id, "late", "the role that asked is gone")
            return
        if self._missed(call):
            if call.over:
                self._fate(id, "late", "the one that asked has given up, or has its answer")
                return
            call.over = True
        if not id:  # news of the network
            id = self.tracing.sent(call.to, call.asker, message, call.id)
        asker.post(call.to, role, message, id)
        asker.pump()

    def _missed(self, call: Call) -> bool:
        """Whether the asker acts on the news that there will be no answer."""
        return self._declared.requests[type(call.message)].missed


def _number(message: Any) -> int:
    """Find out which deferred request it is, or answers."""
    return cast(int, message.number)
