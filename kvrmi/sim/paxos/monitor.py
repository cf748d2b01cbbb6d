"""What must hold after every step of a run, whatever went wrong.

Rules: it looks and never touches; votes are counted here, from what acceptors let out and what
their disks hold at that moment, not from what proposers make of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...cluster.quorum import majority
from ...paxos.ballot import NO_BALLOT, Ballot
from ...paxos.learner import Learner
from ...paxos.messages import Accept, Accepted, Chosen, Promise
from ...paxos.proposer import Proposer
from ...paxos.stable import State
from ...roles.contract import Effects, Envelope, Role
from ...state.log import CHAIN_START, chain
from .epochs import Epochs, knows_itself
from .sendings import Sendings

if TYPE_CHECKING:
    from ..replica import Replica
    from ..world import World

__all__ = ["Monitor", "monitor"]


class Monitor:
    """Remembers what was promised, accepted, chosen and applied, and compares."""

    def __init__(self, world: World) -> None:
        """Begin with a cluster that has chosen nothing."""
        self.chosen: dict[int, bytes] = {}
        self.elections: list[tuple[float, Ballot]] = []
        """When a quorum had promised each ballot."""
        self._world = world
        self._require = world.require
        self._quorum = majority(len(world.ids))
        self._proposed: dict[int, dict[Ballot, bytes]] = {}
        self._votes: dict[tuple[int, Ballot], set[int]] = {}
        self._promises: dict[Ballot, dict[int, dict[int, str]]] = {}
        self._prepared: Ballot = NO_BALLOT
        self._hashes: list[bytes] = [CHAIN_START]
        self._chosen_at: dict[int, Ballot] = {}
        self._in_force = Epochs()
        self._sendings = Sendings(world.require)
        self._applied: dict[int, tuple[int, str]] = {}
        self._seen: dict[int, tuple[Learner, int]] = {}
        self._bound: dict[tuple[int, str], Ballot] = {}
        self._writes: dict[tuple[int, str], int] = {}
        self._epochs: dict[int, tuple[int, str]] = {}

    # --- roles --------------------------------------------------------------------------------

    def stepped(self, replica: Replica, name: str, role: Role, effects: Effects) -> None:
        """Look at a role after a step, before anything of it has left."""
        if name == "learner" and isinstance(role, Learner):
            self._check_applied(replica, role)

    def left(self, replica: Replica, name: str, messages: tuple[Envelope, ...]) -> None:
        """Look at what leaves a role, at the moment when it does."""
        if name == "acceptor" and self._in_force.rejoined(replica):
            self._votes_again(replica)
        for sent in (envelope.message for envelope in messages):
            if name == "acceptor":
                if isinstance(sent, Promise):
                    self._promised(replica, sent)
                elif isinstance(sent, Accepted):
                    self._accepted(replica, sent)
            elif name == "proposer":
                if isinstance(sent, Accept):
                    self._asked(sent)
                elif isinstance(sent, Chosen):
                    self._decided(replica, sent)
            self._sendings.left(replica.me, sent)

    def after_event(self) -> None:
        """At most one lease is usable, and no higher ballot has its quorum of promises."""
        holder = 0
        for replica in self._world.replicas.values():
            proposer = replica.role(Proposer)
            if proposer is None or not proposer.leading or not proposer.may_read(replica.clock()):
                continue
            # Words are made only for what is wrong: this is done after each event.
            if holder:
                self._require(False, f"replicas {holder} and {replica.me} have a lease each")
            holder = replica.me
            if proposer.ballot < self._prepared:
                words = f"replica {holder} may read at {proposer.ballot}"
                self._require(False, f"{words}, but a quorum has promised {self._prepared}")

    def stands(self, replica: Replica, learner: Learner) -> int:
        """Return up to which slot a learner has applied, once that was compared with all chosen."""
        self._check_applied(replica, learner)
        return learner.applied

    # --- acceptors ----------------------------------------------------------------------------

    def _promised(self, replica: Replica, m: Promise) -> None:
        state = self._vote(replica, m.ballot, m.epoch, m.writes)
        self._require(
            state.promised >= m.ballot, f"replica {replica.me} promised {m.ballot}, not durably"
        )
        promises = self._promises.setdefault(m.ballot, {})
        promises.setdefault(replica.me, {})[m.epoch] = replica.disk_id
        replicas = self._world.replicas
        valid = [i for i, disks in promises.items() if replicas[i].disk_id in disks.values()]
        if len(valid) >= self._quorum and m.ballot > self._prepared:
            self._prepared = m.ballot
            self.elections.append((self._world.now, m.ballot))

    def _accepted(self, replica: Replica, m: Accepted) -> None:
        self._vote(replica, m.ballot, m.epoch, m.writes)
        row = replica.disks["acceptor"].row("accepted", m.slot)
        ballot, value = _unpack(row) if row else (NO_BALLOT, b"")
        self._require(
            ballot == m.ballot,
            f"replica {replica.me} accepted slot {m.slot} at {m.ballot}, not durably",
        )
        self._require(
            self._proposed.get(m.slot, {}).get(m.ballot) == value,
            f"replica {replica.me} accepted for slot {m.slot} what {m.ballot} did not propose",
        )
        votes = self._votes.setdefault((m.slot, m.ballot), set())
        if m.epoch == self._in_force.in_force(replica.me, m.slot):
            votes.add(replica.me)
        if len(votes) >= self._quorum:
            self._choose(m.slot, value)
            self._chosen_at.setdefault(m.slot, m.ballot)
            self._check_adoption(m.slot)

    def _votes_again(self, replica: Replica) -> None:
        """Check a lost acceptor that became a voter: no crash makes its own learner forget that."""
        self._require(
            knows_itself(replica),
            f"replica {replica.me} votes again, and its learner's disk lacks its VOTER command",
        )

    def _vote(self, replica: Replica, ballot: Ballot, epoch: int, writes: int) -> State:
        """Check what every promise and acceptance must keep to; the state on the disk."""
        me, disk = replica.me, replica.disk_id
        bound = self._bound.get((me, disk), NO_BALLOT)
        self._require(ballot >= bound, f"replica {me} votes at {ballot}, having promised {bound}")
        self._bound[me, disk] = ballot
        known = self._writes.get((me, disk), 0)
        self._require(writes >= known, f"replica {me} reports {writes} writes, having had {known}")
        self._writes[me, disk] = writes
        last, voted_on = self._epochs.get(me, (0, disk))
        fits = epoch >= last if disk == voted_on else epoch > last
        self._require(
            fits, f"replica {me} votes in epoch {epoch} on {disk}, after {last} on {voted_on}"
        )
        self._epochs[me] = (epoch, disk)
        row = replica.disks["acceptor"].row("acceptor", "state")
        return State.unpack(row) if row else State()

    # --- proposers ----------------------------------------------------------------------------

    def _asked(self, m: Accept) -> None:
        """Check a proposal: one value a slot and ballot, on a quorum of promises in force there."""
        proposed = self._proposed.setdefault(m.slot, {})
        if m.ballot not in proposed:
            self._sendings.proposed(m.slot, m.ballot, m.value, proposed)
            proposed[m.ballot] = m.value
            promises = self._promises.get(m.ballot, {}).items()
            valid = [i for i, had in promises if self._in_force.in_force(i, m.slot) in had]
            self._require(
                len(valid) >= self._quorum,
                f"slot {m.slot} is proposed at {m.ballot} on promises in force of {valid} alone",
            )
            self._check_adoption(m.slot)
        self._require(
            proposed[m.ballot] == m.value,
            f"two values are proposed for slot {m.slot} at ballot {m.ballot}",
        )

    def _check_adoption(self, slot: int) -> None:
        """Require that above a chosen ballot nothing else is proposed ("P2b" in the paper)."""
        chosen_at = self._chosen_at.get(slot)
        if chosen_at is None:
            return
        for ballot, value in self._proposed.get(slot, {}).items():
            self._require(
                ballot <= chosen_at or value == self.chosen[slot],
                f"slot {slot} is chosen at {chosen_at}, and another value is proposed at {ballot}",
            )

    # --- values -------------------------------------------------------------------------------

    def _decided(self, replica: Replica, m: Chosen) -> None:
        slot, ballot = m.entry.slot, Ballot(*m.entry.ballot)
        votes = self._votes.get((slot, ballot), ())
        self._require(
            len(votes) >= self._quorum,
            f"replica {replica.me} calls slot {slot} chosen at {ballot}, by {sorted(votes)}",
        )
        self._choose(slot, m.entry.value)

    def _choose(self, slot: int, value: bytes) -> None:
        if slot not in self.chosen:
            self._sendings.chosen(slot, value, self._proposed.get(slot, {}))
        known = self.chosen.setdefault(slot, value)
        self._require(known == value, f"slot {slot} has two chosen values: {known!r}, {value!r}")
        while len(self._hashes) in self.chosen:
            at = len(self._hashes)
            self._hashes.append(chain(self._hashes[-1], at, self.chosen[at]))
            self._in_force.chosen(at, self.chosen[at])

    def _check_applied(self, replica: Replica, learner: Learner) -> None:
        """Compare the applied prefix with the chosen one, and the state with the others'."""
        slot = learner.applied
        if self._seen.get(replica.me) == (learner, slot):
            return
        self._seen[replica.me] = (learner, slot)
        self._require(
            slot < len(self._hashes) and self._hashes[slot] == learner.log.hash,
            f"replica {replica.me} applied up to slot {slot} what was not chosen",
        )
        state = (learner.state.revision, learner.state.digest)
        known = self._applied.setdefault(slot, state)
        self._require(known == state, f"replica {replica.me} has another state at slot {slot}")


def monitor(watched: World | Replica) -> Monitor:
    """Give the monitor of a world in which this protocol runs, or of a replica in one."""
    if not isinstance(watched.monitor, Monitor):
        raise TypeError("another protocol runs in this world")
    return watched.monitor


def _unpack(row: bytes) -> tuple[Ballot, bytes]:
    return Ballot(int.from_bytes(row[1:9], "big"), int.from_bytes(row[9:13], "big")), row[13:]
