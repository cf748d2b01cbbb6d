"""What operators have a replica do: catch up with a peer, and say what that brought.

Rule: an order is carried out or refused with the reason; who waits for it does so for a bounded
time. It knows the learner, and no Pyro.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from kvrmi.paxos.learner import Learner, Restored
from kvrmi.paxos.messages import Restore

from ..hosts import Hosts
from .served import CatchUpFailed

T = TypeVar("T")

RESTORE_SECONDS = 30.0
LOOK_SECONDS = 0.02


def restore(hosts: Hosts, peer: int) -> dict[str, object]:
    """Have the learner catch up with a peer: by its log, or by its snapshot; what that brought.

    `by` says which; a peer that is not ahead changes nothing and `missed` is 0. Raises Fenced, and
    CatchUpFailed when it takes too long; it goes on then.
    """

    def ask(question: Callable[[Learner, float], T]) -> T:
        return hosts["learner"].ask(question)

    before = ask(_stand)
    hosts.deliver("learner", Restore(peer))
    deadline = time.monotonic() + RESTORE_SECONDS
    while ask(lambda learner, _: learner.restoring):
        if time.monotonic() > deadline:
            raise CatchUpFailed(ask(_how_far))
        time.sleep(LOOK_SECONDS)
    after = ask(_stand)
    return {
        "slot": after.slot,
        "peer": after.giver,
        "keys": after.keys,
        "digest": after.digest,
        "missed": after.revision - before.revision,
        "by": "log" if after.restored is before.restored else "snapshot",
    }


class _Stand(NamedTuple):
    """Where a learner stands."""

    slot: int
    giver: int
    revision: int
    keys: int
    digest: str
    restored: Restored | None


def _stand(learner: Learner, _: float) -> _Stand:
    state, restored = learner.state, learner.restored
    return _Stand(
        learner.applied, learner.giver, state.revision, state.keys, state.digest, restored
    )


def _how_far(learner: Learner, _: float) -> str:
    progress = learner.progress
    if progress is None:
        return f"replica {learner.source} has not sent all yet; it goes on"
    return (
        f"the snapshot of replica {progress.peer} is on its way, {progress.keys} of "
        f"{progress.of} keys; it goes on, STATUS shows how far"
    )
