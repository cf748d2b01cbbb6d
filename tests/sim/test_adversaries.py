"""Faults in a row that a profile draws too seldom for the table of planted bugs."""

from __future__ import annotations

from kvrmi.paxos.leadership import Leadership
from kvrmi.paxos.pieces import PIECES
from kvrmi.roles.contract import Envelope
from kvrmi.sim.paxos.histories import PAXOS
from kvrmi.sim.paxos.parts import Parts
from kvrmi.sim.profile import Profile
from kvrmi.sim.run import run

SEEDS = 40


class Outlives(Leadership):
    """A term that goes on after a slot that another leader decided."""

    def applied(self, now: float, slot: int) -> tuple[Envelope, ...]:
        messages = super().applied(now, slot)
        if self.over.endswith("learned from another leader"):
            self.over, self._inflight = "", None
            self._applied = self._decided = slot
            return messages + self.advance(now)
        return messages


class TermOutlivesLearnedSlot(Parts):
    pieces = PIECES._replace(term=Outlives)


def test_a_term_that_outlives_a_slot_learned_elsewhere() -> None:
    """What it announces as chosen, a follower that still follows it has otherwise."""
    profile = Profile("overhear", "", ("overhear",), keeps=(1000,), pauses=(0.8,))
    explored = PAXOS._replace(profiles=(profile,))
    violations = (
        run(explored, seed, parts=TermOutlivesLearnedSlot()).violation for seed in range(SEEDS)
    )
    assert any("what was not chosen" in violation for violation in violations)
