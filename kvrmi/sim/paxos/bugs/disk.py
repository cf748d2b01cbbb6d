"""Bugs around disks that are lost, damaged or replaced, and of fenced roles.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from msgspec.structs import replace

from ....paxos.acceptor import Acceptor
from ....paxos.ballot import NO_BALLOT
from ....paxos.learner import Learner
from ....paxos.messages import Restore
from ....paxos.rejoin import Rejoin
from ....paxos.stable import State
from ....roles.contract import Address, Effects, Envelope, Message
from ....roles.declaration import Setting, Stored
from ....storage.interface import Clear, Put
from ...disk import SimDisk
from ...hosting import Host
from ..parts import Parts

__all__ = [
    "ChecksumIgnored",
    "FenceMissing",
    "SnapshotRestoresAcceptor",
    "VoterBeforeDurable",
    "WipedDiskTakenAsFresh",
]


class FenceMissing(Parts):
    """A failed role still carries out what comes over its old connections."""

    host = Host(fences=False)


class WipedDiskTakenAsFresh(Parts):
    """A new disk in place of a lost one is formatted like a founder's; it votes at once."""

    host = Host(notices_loss=False)


EVERYTHING = 1 << 62
"""As if every slot were on the learner's disk."""


class _Hasty(Rejoin):
    def elected(self, durable: int) -> bool:
        return super().elected(EVERYTHING)


class VoterBeforeDurable(Parts):
    """An acceptor votes in its new epoch before its learner's disk holds the VOTER command."""

    rejoins = _Hasty


class ChecksumIgnored(Parts):
    """A flipped bit in an acceptor's disk is not noticed when it is read back."""

    def acceptor(self, setting: Setting, storage: Stored | None, now: float) -> Acceptor:
        """Take an acceptor up from whatever its disk gives."""
        if isinstance(storage, SimDisk):
            storage.trust()
        return super().acceptor(setting, storage, now)


class _Restored(Learner):
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        before = self.restored
        effects = super().receive(now, sender, message)
        if self.restored is before:
            return effects
        order = Envelope(Address(self.me, "acceptor"), Restore(self.me))
        return replace(effects, messages=(*effects.messages, order))


class _Overwritten(Acceptor):
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        if not isinstance(message, Restore) or self.rejoin is not None:
            return super().receive(now, sender, message)
        self.accepted.clear()
        self.state = State(NO_BALLOT, self.state.writes + 1, epoch=self.state.epoch)
        return Effects((Clear("accepted"), Put("acceptor", "state", self.state.pack())))


class SnapshotRestoresAcceptor(Parts):
    """Restoring a replica from a peer's snapshot resets its acceptor, promises and all."""

    acceptors = _Overwritten
    learners = _Restored
