"""The events of two-phase commit: votes, decisions, Go and its acknowledgements, views.

Rules: counts are of everything; of votes and rounds at most twenty a second and role are reported,
of what happens seldom everything. It changes no message, and knows no log.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..cluster.counts import Counts
from ..operations.commands import summary
from ..operations.table import KEY_VALUE
from ..operations.vocabulary import Vocabulary
from ..roles.contract import Address, Effects, Message
from ..roles.events import Happened, Observe, Reporter
from .messages import Done, Enter, Fetch, Go, Inquire, Known, Page, Prepare, Recovered, Votes

__all__ = ["Observer"]

_BETWEEN = 0.05
"""Seconds between two steps of a role that are reported."""


class Observer:
    """Turns steps of one replica's roles into events; steps of one role come in order."""

    def __init__(
        self,
        me: int,
        quorum: int,
        clock: Callable[[], float],
        happened: Happened,
        vocabulary: Vocabulary = KEY_VALUE,
    ) -> None:
        """`clock` gives seconds; commands are named as in `vocabulary`. There is no quorum."""
        self.counts = Counts()
        self._me = me
        self._clock = clock
        self._named = partial(summary, of=vocabulary)
        self._reports = {
            role: Reporter(role, clock, happened) for role in ("manager", "participant")
        }
        self._next = dict.fromkeys(self._reports, 0.0)
        self._steps: dict[str, Observe] = {
            "manager": self._manager_did,
            "participant": self._participant_did,
        }

    def step(self, role: str) -> Observe:
        """Give what takes the steps of a role."""
        return self._steps[role]

    def starts(self, role: str) -> None:
        """Take note that a role is started."""
        self._next[role] = 0.0

    def _due(self, role: str) -> bool:
        """Whether one more step may be reported now."""
        now = self._clock()
        if now < self._next[role]:
            return False
        self._next[role] = now + _BETWEEN
        return True

    def _manager_did(self, sender: Address, message: Message | None, effects: Effects) -> None:
        report = self._reports["manager"]
        asked = next(
            (one.message for one in effects.messages if type(one.message) is Prepare), None
        )
        if asked is not None:
            self.counts.batches += 1
            self.counts.batch_bytes += sum(len(one.command) for one in asked.transactions)
        if type(message) is Recovered:
            text = f"RECOVERED first={message.first} resumed={len(message.committed)}"
            report("recovered", text, request=message.first)
        if (asked is None and type(message) not in (Votes, Done)) or not self._due("manager"):
            return
        if type(message) is Votes:
            self._votes_came(sender.replica, message)
        elif type(message) is Done:
            acks = ", ".join(str(number) for number, _, _ in message.results)
            report(
                "go-ack", f"GO-ACK from={sender.replica} transactions={acks}", peer=sender.replica
            )
        if asked is not None:
            commands = self._named([one.command for one in asked.transactions])
            text = f"PREPARE round={asked.round} view={asked.view.number}{commands}"
            report("prepare", text, request=asked.round)

    def _votes_came(self, voter: int, m: Votes) -> None:
        noes = [vote for vote in m.votes if not vote.yes]
        text = (
            f"VOTES from={voter} round={m.round} ack={len(m.votes) - len(noes)} abort={len(noes)}"
        )
        why = f": {noes[0].answer.value}" if noes else ""
        self._reports["manager"]("votes", text + why, peer=voter, request=m.round)

    def _participant_did(self, sender: Address, message: Message | None, effects: Effects) -> None:
        match message:
            case Prepare() if self._due("participant"):
                self._voted(sender.replica, message, effects)
            case Go():
                self._went(sender.replica, message)
            case Known() if self._due("participant"):
                found = ", ".join(f"{tuple(one.tid)}={one.state}" for one in message.found)
                text = f"OUTCOME from={sender.replica} {found}"
                self._report("outcome", text, sender.replica)
            case Enter():
                self._entered(message, effects)
            case Page() if message.last:
                text = f"STORE from={sender.replica} view={message.view} table={message.table}"
                self._report("store", text, sender.replica)
        self._asks(effects)

    def _report(self, event: str, text: str, peer: int = 0, urgent: bool = False) -> None:
        self._reports["participant"](event, text, peer=peer, urgent=urgent)

    def _voted(self, manager: int, m: Prepare, effects: Effects) -> None:
        votes: Any = next((o.message for o in effects.messages if type(o.message) is Votes), None)
        if votes is None:
            return
        noes = [vote for vote in votes.votes if not vote.yes]
        answer = f"ABORT {noes[0].answer.value}" if noes else "ACK"
        commands = self._named([one.command for one in m.transactions])
        self._report("vote", f"VOTE {answer} manager={manager} round={m.round}{commands}", manager)

    def _went(self, manager: int, m: Go) -> None:
        commits = sum(one.commit for one in m.decisions)
        self.counts.commands += commits
        if self._due("participant"):
            text = f"GO manager={manager} commit={commits} abort={len(m.decisions) - commits}"
            self._report("go", text, manager)

    def _entered(self, m: Enter, effects: Effects) -> None:
        if effects.records:
            members = ",".join(map(str, m.view.ids))
            self._report("view", f"VIEW {m.view.number} members={members}", urgent=True)

    def _asks(self, effects: Effects) -> None:
        for to, message in ((one.to, one.message) for one in effects.messages):
            if type(message) is Inquire and self._due("participant"):
                text = f"IN DOUBT about {len(message.doubts)}, asks replica {to.replica}"
                self._report("in doubt", text, to.replica, urgent=True)
            elif type(message) is Fetch and message.after is None:
                self._report("fetch", f"FETCH {message.table} from={to.replica}", to.replica)
