"""What must hold after every step of the bag, whatever went wrong.

Rule: it looks and never touches. Votes are counted here from what acceptors answer, not from what
proposers make of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.effects import Effects
from kvrmi.paxos.messages import Accepted, Chosen, Forward, Message
from kvrmi.paxos.quorum import majority

if TYPE_CHECKING:
    from .bag import Bag, Node
    from .network import Call

__all__ = ["Violation", "Watch"]


class Violation(AssertionError):
    """Something happened that must not."""


class Watch:
    """Remembers what was chosen, promised and applied, and compares."""

    def __init__(self, bag: Bag) -> None:
        self.chosen: dict[int, bytes] = {}
        self.highest: Ballot = NO_BALLOT
        self._bag = bag
        self._quorum = majority(len(bag.ids))
        self._votes: dict[tuple[int, Ballot], set[int]] = {}
        self._hashes: dict[int, bytes] = {}
        self._promised: dict[tuple[int, str], tuple[Ballot, int]] = {}

    def require(self, holds: bool, what: str) -> None:
        if not holds:
            raise Violation(f"at {self._bag.now:.4f}: {what}")

    def stepped(self, node: Node, name: str, message: Message | None, effects: Effects) -> None:
        if name == "acceptor":
            self._check_promise(node)
            self._count_votes(node, effects)
        elif name == "proposer":
            for _, sent in effects.messages:
                if isinstance(sent, Chosen):
                    self._choose(sent.entry.slot, sent.entry.value)
                    self.highest = max(self.highest, Ballot(*sent.entry.ballot))
        elif name == "learner" and node.learner is not None:
            log = node.learner.log
            same = self._hashes.setdefault(log.applied, log.hash)
            self.require(same == log.hash, f"replica {node.replica} applied another prefix")

    def answered_once(self, call: Call, answers: int) -> None:
        owed = 0 if isinstance(call.message, Forward) else 1
        if answers != owed:
            raise Violation(f"{answers} answers to {call.message}")

    def after_event(self) -> None:
        """At most one lease is usable, and nothing was chosen above its ballot."""
        holders = []
        for node in self._bag.nodes.values():
            proposer = node.proposer
            if proposer is None or not proposer.leading or not proposer.may_read(node.clock()):
                continue
            holders.append(node.replica)
            self.require(
                proposer.ballot >= self.highest,
                f"replica {node.replica} may read at {proposer.ballot}, "
                f"but {self.highest} had a value chosen",
            )
        if len(holders) > 1:
            raise Violation(f"replicas {holders} have a lease each")

    def _check_promise(self, node: Node) -> None:
        if node.acceptor is None:
            return
        state = node.acceptor.state
        before, writes = self._promised.get((node.replica, node.disk), (NO_BALLOT, 0))
        self.require(state.promised >= before, f"replica {node.replica} broke its promise")
        self.require(state.writes >= writes, f"replica {node.replica} lost a write")
        self._promised[node.replica, node.disk] = (state.promised, state.writes)

    def _count_votes(self, node: Node, effects: Effects) -> None:
        for _, sent in effects.messages:
            if isinstance(sent, Accepted) and node.acceptor is not None:
                votes = self._votes.setdefault((sent.slot, sent.ballot), set())
                votes.add(node.replica)
                if len(votes) >= self._quorum:
                    self._choose(sent.slot, node.acceptor.accepted[sent.slot][1])

    def _choose(self, slot: int, value: bytes) -> None:
        known = self.chosen.setdefault(slot, value)
        self.require(known == value, f"slot {slot} has two chosen values: {known!r}, {value!r}")
