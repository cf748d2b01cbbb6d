"""The events of two-phase commit: votes, decisions, Go and its acknowledgements, views.

Rules: counts are of everything; of rounds at most twenty a second and role are reported, each from
its first message to its last, and of what happens seldom everything.
It changes no message, and knows no log.
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
"""Seconds between two rounds that a role reports."""
_SHOWN = 3
"""Transactions that a line names."""


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
        self._rounds: set[int] = set()
        self._numbers: set[int] = set()
        """Of the last round that is reported."""
        self._voted_for: set[tuple[int, int]] = set()
        """The same, of a participant: manager and number."""
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
        """Whether one more round may be reported now."""
        now = self._clock()
        if now < self._next[role]:
            return False
        self._next[role] = now + _BETWEEN
        return True

    # --- manager ----------------------------------------------------------------------------------

    def _manager_did(self, sender: Address, message: Message | None, effects: Effects) -> None:
        report = self._reports["manager"]
        if type(message) is Recovered:
            text = f"RECOVERED first={message.first} resumed={len(message.committed)}"
            report("recovered", text, request=message.first)
        elif type(message) is Votes and message.round in self._rounds:
            self._votes_came(sender.replica, message)
        elif type(message) is Done:
            acks = [number for number, _, _ in message.results if number in self._numbers]
            if acks:
                text = f"GO-ACK from={sender.replica} transactions={_listed(acks)}"
                report("go-ack", text, peer=sender.replica, request=acks[0])
        asked = next(
            (one.message for one in effects.messages if type(one.message) is Prepare), None
        )
        if asked is not None:
            self._asked(asked)
        for to, go in ((one.to, one.message) for one in effects.messages):
            if type(go) is Go:
                self._sent(to.replica, go)

    def _asked(self, m: Prepare) -> None:
        self.counts.batches += 1
        self.counts.batch_bytes += sum(len(one.command) for one in m.transactions)
        if not self._due("manager"):
            return
        self._rounds = {m.round}
        self._numbers = {one.number for one in m.transactions}
        commands = self._named([one.command for one in m.transactions])
        text = f"PREPARE round={m.round} view={m.view.number}{commands}"
        self._reports["manager"]("prepare", text, request=m.round)

    def _votes_came(self, voter: int, m: Votes) -> None:
        noes = [vote for vote in m.votes if not vote.yes]
        text = (
            f"VOTES from={voter} round={m.round} ack={len(m.votes) - len(noes)} abort={len(noes)}"
        )
        why = f": {noes[0].answer.value}" if noes else ""
        self._reports["manager"]("votes", text + why, peer=voter, request=m.round)

    def _sent(self, to: int, go: Go) -> None:
        commits = [one.number for one in go.decisions if one.commit and one.number in self._numbers]
        aborts = [
            one.number for one in go.decisions if not one.commit and one.number in self._numbers
        ]
        for what, numbers in (("COMMIT", commits), ("ABORT", aborts)):
            if numbers:
                text = f"GO {what} to={to} transactions={_listed(numbers)}"
                self._reports["manager"]("go", text, peer=to, request=numbers[0])

    # --- participant ------------------------------------------------------------------------------

    def _participant_did(self, sender: Address, message: Message | None, effects: Effects) -> None:
        match message:
            case Prepare() if self._due("participant"):
                self._voted(sender.replica, message, effects)
            case Go():
                self._went(sender.replica, message)
            case Known():
                found = ", ".join(
                    f"{one.tid.manager}/{one.tid.number}={one.state}" for one in message.found[:3]
                )
                self._report("outcome", f"OUTCOME from={sender.replica} {found}", sender.replica)
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
        text = f"VOTE {answer} manager={manager} round={m.round}{commands}"
        self._report("vote", text, manager)
        self._voted_for = {(manager, one.number) for one in m.transactions}

    def _went(self, manager: int, m: Go) -> None:
        self.counts.commands += sum(one.commit for one in m.decisions)
        for number, commit, revision in m.decisions:
            if (manager, number) in self._voted_for:
                what = f"COMMIT revision={revision}" if commit else "ABORT"
                self._report("go", f"GO {what} manager={manager} transaction={number}", manager)

    def _entered(self, m: Enter, effects: Effects) -> None:
        if effects.records:
            members = ",".join(map(str, m.view.ids))
            self._report("view", f"VIEW {m.view.number} members={members}", urgent=True)

    def _asks(self, effects: Effects) -> None:
        for to, message in ((one.to, one.message) for one in effects.messages):
            if type(message) is Inquire:
                text = f"IN DOUBT about {len(message.doubts)}, asks replica {to.replica}"
                self._report("in doubt", text, to.replica, urgent=True)
            elif type(message) is Fetch and message.after is None:
                self._report("fetch", f"FETCH {message.table} from={to.replica}", to.replica)


def _listed(numbers: list[int]) -> str:
    more = [".."] * (len(numbers) > _SHOWN)
    return ",".join([*map(str, numbers[:_SHOWN]), *more])
