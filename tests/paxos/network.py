"""The network of the bag: requests and their answers, late, lost, repeated or out of order.

Rules: a request is answered at most once in a call, and the answer is of use only to the role
incarnation that asked; a Forward is never repeated by the network (its connection is TCP); of those
requests whose asker acts on it, it is always told that none was sent or that no answer will come.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from kvrmi.paxos.effects import Address
from kvrmi.paxos.messages import (
    Accept,
    CampaignNow,
    Copy,
    Fetch,
    FetchSnapshot,
    Forward,
    Forwarded,
    Heartbeat,
    Message,
    NoAnswer,
    NotSent,
    Offer,
    Prepare,
    PreVote,
    Release,
    Unreachable,
)

from .bench import TIMING

if TYPE_CHECKING:
    from .bag import Bag, Node

__all__ = ["REQUESTS", "Call", "Network"]

REQUESTS = (
    Accept, CampaignNow, Copy, Fetch, FetchSnapshot, Forward, Heartbeat, Offer, Prepare, PreVote,
    Release,
)  # fmt: skip
"""What one replica may ask of another."""

TOLD = (Accept, Fetch, FetchSnapshot, Forward)
"""Requests whose asker acts on the news that they failed."""

FORWARD_GRACE = 0.3
USUAL_LAG = 0.002
SLOWEST = 3.0


class Call:
    """One request on its way, and back."""

    def __init__(self, asker: Address, incarnation: int, to: Address, message: Message) -> None:
        self.asker = asker
        self.incarnation = incarnation
        self.to = to
        self.message = message
        self.over = False


class Network:
    """Carries calls, each way within `lag` seconds.

    `loss`, `slow` (up to SLOWEST) and `twice` are chances; `cuts` are one-way pairs of replicas.
    """

    def __init__(self, rng: random.Random, bag: Bag) -> None:
        self.loss = self.slow = self.twice = 0.0
        self.lag = USUAL_LAG
        self.cuts: set[tuple[int, int]] = set()
        self._rng = rng
        self._bag = bag
        self._forwards: dict[tuple[int, int], Call] = {}
        self._open: dict[int, list[Call]] = {i: [] for i in bag.ids}

    def calm(self) -> None:
        """From now on everything arrives."""
        self.loss = self.slow = self.twice = 0.0
        self.lag = USUAL_LAG
        self.cuts.clear()

    def reset(self, replica: int, role: str = "") -> None:
        """Connections to a replica, or to one role of it, break: who waits there hears of it."""
        calls, self._open[replica] = self._open[replica], []
        for call in calls:
            if role in ("", call.to.role):
                self._fail(call, NoAnswer(replica, call.message), self._delay())
            else:
                self._open[replica].append(call)

    # --- there -----------------------------

    def ask(self, node: Node, role: str, to: Address, message: Message) -> None:
        call = Call(node.address(role), node.incarnation[role], to, message)
        target = self._bag.nodes[to.replica]
        if not target.up:
            self._refuse(node, call)
        elif (node.replica, to.replica) in self.cuts:
            self._fail(call, NotSent(to.replica, message), 0.0)
        else:
            self._send(call)

    def _refuse(self, node: Node, call: Call) -> None:
        """Nobody listens there, and connecting says so."""
        peer = call.to.replica
        self._fail(call, NotSent(peer, call.message), 0.001)
        if self._rng.random() < 0.5:
            node.post(node.address("host"), "proposer", Unreachable(peer))

    def _send(self, call: Call) -> None:
        message = call.message
        if not self._lost():
            self._bag.after(self._delay(), lambda: self._arrive(call))
        if not isinstance(message, Forward) and self._rng.random() < self.twice:
            self._bag.after(self._delay(), lambda: self._arrive(call))
        if isinstance(message, TOLD):
            grace = message.patience + FORWARD_GRACE if isinstance(message, Forward) else 0.0
            self._fail(call, NoAnswer(call.to.replica, message), grace or TIMING.answer)
            still = [known for known in self._open[call.to.replica] if not known.over]
            self._open[call.to.replica] = [*still, call]

    def _arrive(self, call: Call) -> None:
        node = self._bag.nodes[call.to.replica]
        if call.to.role not in node.roles:
            self._fail(call, NoAnswer(call.to.replica, call.message), self._delay())
            return
        if isinstance(call.message, Forward):
            self._forwards[call.asker.replica, call.message.number] = call
        node.handle(call)

    def _lost(self) -> bool:
        return self._rng.random() < self.loss

    def _delay(self) -> float:
        if self._rng.random() < self.slow:
            return self._rng.uniform(0.0, SLOWEST)
        return self._rng.uniform(0.0001, self.lag)

    # --- and back -----------------------------

    def answer(self, call: Call | None, message: Message) -> None:
        if call is None or self._lost() or (call.to.replica, call.asker.replica) in self.cuts:
            return
        self._bag.after(self._delay(), lambda: self._bring(call, message))

    def forwarded(self, node: Node, to: Address, message: Forwarded) -> None:
        """The answer to an earlier Forward."""
        self.answer(self._forwards.pop((to.replica, message.number), None), message)

    def _fail(self, call: Call, news: NotSent | NoAnswer, after: float) -> None:
        if isinstance(call.message, TOLD):
            self._bag.after(after, lambda: self._bring(call, news))

    def _bring(self, call: Call, message: Message) -> None:
        """Give the asker its answer, or the news that there is none: whichever comes first."""
        node, role = self._bag.nodes[call.asker.replica], call.asker.role
        if call.incarnation != node.incarnation[role] or role not in node.roles:
            return
        if isinstance(call.message, TOLD):
            if call.over:
                return
            call.over = True
        node.post(call.to, role, message)
        node.pump()
