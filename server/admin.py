"""The admin object: what operators, the coordinator and experiments may do to a replica.

Rules: who calls has proved the secret at the handshake; arguments are checked before anything is
done; refusals are the builtins that clients get. It decides nothing on its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from kvrmi.cli import reason
from kvrmi.errors import to_builtin
from kvrmi.naming import ROLES
from kvrmi.paxos.learner import Learner, Restored
from kvrmi.paxos.messages import Restore, Transfer
from kvrmi.roles.contract import Message

from .doors import exposed
from .rolehost import Fenced
from .status import describe

if TYPE_CHECKING:
    from .replica import Replica

_log = logging.getLogger("kvrmi.server.links")

T = TypeVar("T")

RESTORE_SECONDS = 30.0
TRANSFER_SECONDS = 3.0
LOOK_SECONDS = 0.02
DAY = 86_400


class Admin:
    """`kvrmi.replicaN.admin`."""

    def __init__(self, replica: Replica, stop: Callable[[], None]) -> None:
        """`stop` makes the process end cleanly, soon."""
        self._replica = replica
        self._stop = stop

    @exposed
    def status(self) -> dict[str, object]:
        """Return this replica's entry of the cluster's status."""
        return describe(self._replica)

    @exposed
    def identity(self) -> dict[str, object]:
        """Our disk's id, and the members' as recorded: for peers that have no cluster file."""
        identity = self._replica.identity
        return {"disk": identity.disk, "members": [list(pair) for pair in identity.members.items()]}

    @exposed
    def fail_role(self, role: object, back_after: object = None) -> bool:
        """Take a role down as if its thread had died; up again after so many seconds, or never.

        False: it was down.
        """
        name = _role(role)
        return self._replica.fail_role(name, "failed on purpose", _seconds(back_after))

    @exposed
    def restart_role(self, role: object) -> int:
        """Take a role down and up again from its disk; its new incarnation."""
        name = _role(role)
        try:
            return self._replica.restart_role(name)
        except (OSError, Fenced) as error:
            why = reason(error) if isinstance(error, OSError) else error
            raise to_builtin("UNAVAILABLE", f"{name} cannot start: {why}") from None

    @exposed
    def cut(self, sender: object, receiver: object) -> bool:
        """Drop every message from replica `sender` to replica `receiver` here, until healed.

        False: they were dropped already.
        """
        one, other = self._id(sender), self._id(receiver)
        if one == other:
            raise to_builtin("INVALID", f"replica {one} has no link to itself")
        is_new = self._replica.faults.cut(one, other)
        if is_new:
            _log.warning("CUT from=%d to=%d", one, other)
        return is_new

    @exposed
    def heal(self, sender: object = None, receiver: object = None) -> list[list[int]]:
        """Let messages from `sender` to `receiver` pass again, None: any; the cuts that ended."""
        one, other = (None if end is None else self._id(end) for end in (sender, receiver))
        healed = self._replica.faults.heal(one, other)
        for pair in healed:
            _log.warning("HEALED from=%d to=%d", *pair)
        return [list(pair) for pair in healed]

    @exposed
    def restore(self, peer: object = None) -> dict[str, object]:
        """Have the learner catch up with a peer: by its log, or by its snapshot; what that brought.

        `by` says which; a peer that is not ahead changes nothing and `missed` is 0.
        """
        source = self._next_peer() if peer is None else self._id(peer)
        before = self._learner(_stand)
        self._tell("learner", Restore(source))
        deadline = time.monotonic() + RESTORE_SECONDS
        while self._learner(lambda learner, _: learner.restoring):
            if time.monotonic() > deadline:
                raise to_builtin("UNAVAILABLE", self._learner(_how_far))
            time.sleep(LOOK_SECONDS)
        after = self._learner(_stand)
        return {
            "slot": after.slot,
            "peer": after.giver,
            "keys": after.keys,
            "digest": after.digest,
            "missed": after.revision - before.revision,
            "by": "log" if after.restored is before.restored else "snapshot",
        }

    @exposed
    def transfer(self, to: object) -> bool:
        """Hand leadership to replica `to`; True once it leads, False if it did not in time.

        Only the leader can.
        """
        successor = self._id(to)
        leader = self._replica.engine.leader
        if leader not in (self._replica.me, successor):
            raise to_builtin(
                "UNAVAILABLE", f"only the leader hands leadership over, replica {leader or '?'}"
            )
        self._tell("proposer", Transfer(successor))
        deadline = time.monotonic() + TRANSFER_SECONDS
        while self._replica.engine.leader != successor:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    @exposed
    def stop(self) -> None:
        """End the process cleanly, after this was answered."""
        self._stop()

    def _id(self, replica: object) -> int:
        if type(replica) is not int or replica not in self._replica.cluster.ids:
            raise to_builtin(
                "INVALID", f"there is no such replica, only {list(self._replica.cluster.ids)}"
            )
        return replica

    def _next_peer(self) -> int:
        """Choose the leader, who has everything; else any other."""
        others = [i for i in self._replica.cluster.ids if i != self._replica.me]
        if not others:
            raise to_builtin("UNAVAILABLE", "there is no other replica")
        leader = self._replica.engine.leader
        return leader if leader in others else others[0]

    def _tell(self, role: str, message: Message) -> None:
        try:
            self._replica.hosts.tell(role, message)
        except Fenced:
            raise to_builtin("UNAVAILABLE", f"this replica's {role} is down") from None

    def _learner(self, question: Callable[[Learner, float], T]) -> T:
        try:
            return self._replica.hosts["learner"].ask(question)
        except Fenced:
            raise to_builtin("UNAVAILABLE", "this replica's learner is down") from None


class _Stand(NamedTuple):
    """Where a learner stands."""

    slot: int
    giver: int
    revision: int
    keys: int
    digest: str
    restored: Restored | None


def _stand(learner: Learner, _: float) -> _Stand:
    machine = learner.machine
    restored = learner.restored
    return _Stand(
        learner.applied, learner.giver, machine.revision, machine.keys, machine.digest, restored
    )


def _how_far(learner: Learner, _: float) -> str:
    progress = learner.progress
    if progress is None:
        return f"replica {learner.source} has not sent all yet; it goes on"
    return (
        f"the snapshot of replica {progress.peer} is on its way, {progress.keys} of "
        f"{progress.of} keys; it goes on, STATUS shows how far"
    )


def _role(role: object) -> str:
    if type(role) is not str or role not in ROLES:
        raise to_builtin("INVALID", f"roles are {', '.join(ROLES)}")
    return role


def _seconds(number: object) -> float | None:
    if number is None:
        return None
    if not isinstance(number, int | float) or isinstance(number, bool) or not 0 <= number < DAY:
        raise to_builtin("INVALID", "the seconds until a role is back are a number from 0 to 86400")
    return number
