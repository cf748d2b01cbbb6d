"""The end of a run: everything comes back, agrees, and adds up.

Rule: the chosen log is the truth; it is replayed by a fresh machine, and every answer that a client
was given must be what that machine gives at that revision. Independently of it, the history of
what clients saw must be linearizable (checker/). What must hold on the way it leaves to monitor.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ...checker.check import check
from ...checker.history import OK
from ...operations.commands import command_id, encode_question
from ...operations.interface import Answer
from ...paxos.acceptor import Acceptor
from ...paxos.learner import Learner
from ...paxos.proposer import Proposer
from ...state.log import unpack_batch
from ...state.replicated import Replicated
from .asked import Asked
from .monitor import monitor
from .parts import Parts
from .request_ids import Sessions, expired
from .workload import Workload

if TYPE_CHECKING:
    from ..replica import Replica
    from ..world import World

__all__ = ["audit", "judge", "recover"]

RECOVERY = 30.0
"""Virtual seconds after the last fault within which everything has to be well again."""
_NO_CLOCK = float
"""Always 0: how long a check takes must not decide a run."""
PROGRESS = 10.0
"""Virtual seconds after the last fault, a write that hangs included, in which one succeeds."""


def recover(world: World, workload: Workload) -> None:
    """Everybody catches up, lost disks become voters, clients get their answers."""
    require = world.require
    healed = world.now
    # A disk that hung goes on with what it was asked to; until then no process starts on it.
    hangs = max(replica.writes.ends for replica in world.replicas.values()) - healed
    again = world.run(PROGRESS + max(0.0, hangs), until=lambda: workload.last_ok > healed)
    require(again, f"no write was acknowledged within {PROGRESS} s: " + _standing(world))
    well = world.run(RECOVERY, until=lambda: _leads(world) and _recovered(world))
    require(well, "no leader, or a disk not replaced: " + _standing(world))
    workload.rest()
    require(world.run(RECOVERY, until=lambda: workload.idle), "clients wait for ever")
    require(world.run(RECOVERY, until=lambda: _level(world)), "uneven: " + _standing(world))


def audit(world: World, workload: Workload, parts: Parts) -> None:
    """Compare what clients were answered with the chosen log."""
    learners = {me: replica.role(Learner) for me, replica in world.replicas.items()}
    require = world.require
    log = Counter[bytes]()
    answers: defaultdict[bytes, list[Answer]] = defaultdict(list)
    state = Replicated(parts.machines, session_limit=parts.session_limit)
    sessions = Sessions(parts.session_limit)
    reads, local = _reads(workload)
    applied = max(learner.applied for learner in learners.values() if learner)
    _check_reads(world, state, reads.pop(state.revision, ()))
    _check_reads(world, state, local.pop(0, ()))
    for slot in range(1, applied + 1):
        for command in unpack_batch(monitor(world).chosen[slot]):
            log[command] += 1
            before = state.revision
            answers[command].append(state.apply(command))
            effect = state.revision > before
            _check_effect(world, command, answers[command], sessions, effect=effect)
            _check_reads(world, state, reads.pop(state.revision, ()))
        _check_reads(world, state, local.pop(slot, ()))
    require(not local, f"local reads of slots that were never chosen: {sorted(local)}")
    require(not reads, f"reads at revisions that never were: {sorted(reads)}")
    _check_writes(world, workload, log, answers)
    _check_counters(world, workload, state)
    right = _beside_rows(state)
    digests = {learner.state.digest for learner in learners.values() if learner}
    require(digests == {state.digest}, "replicas disagree with the log")
    for me, learner in learners.items():
        same = learner is not None and _beside_rows(learner.state) == right
        require(same, f"replica {me} remembers other sessions or voters")


def judge(world: World, workload: Workload) -> None:
    """Check what clients saw, without looking at anything else."""
    verdict = check(workload.history, clock=_NO_CLOCK)
    reported = "; ".join(verdict.explanation)
    world.require(verdict.verdict == OK, f"the history is {verdict.verdict}: {reported}")


def _reads(workload: Workload) -> tuple[dict[int, list[Asked]], dict[int, list[Asked]]]:
    """Give answered reads by their revision, and local ones by what their replica had applied."""
    reads: dict[int, list[Asked]] = {}
    local: dict[int, list[Asked]] = {}
    for asked in workload.done:
        if asked.reads and asked.answer is not None and asked.answer.code == "OK":
            if asked.local:
                local.setdefault(asked.slot, []).append(asked)
            else:
                reads.setdefault(asked.answer.revision, []).append(asked)
    return reads, local


def _check_reads(world: World, state: Replicated, reads: Iterable[Asked]) -> None:
    for asked in reads:
        right = state.read(asked.payload)
        world.require(asked.answer == right, f"read {asked.answer}, not {right}")


def _check_effect(
    world: World, command: bytes, answers: list[Answer], sessions: Sessions, *, effect: bool
) -> None:
    """Require one effect of each command, and that no session expires while it must be known."""
    require, id = world.require, command_id(command)
    known = len(id) == 2 and sessions.knows(*id)
    first = len(answers) == 1
    require(not (known and expired(answers[-1])), f"{command!r} was answered {answers[-1]}")
    again = len(id) == 2 and sessions.may_do(*id)
    require(first or again or not effect, f"{command!r} took effect twice")
    if len(id) == 2 and effect:
        sessions.add(*id)


def _check_writes(
    world: World, workload: Workload, log: Counter[bytes], answers: Mapping[bytes, list[Answer]]
) -> None:
    require = world.require
    for asked in workload.done:
        times, payload = log[asked.payload], asked.payload
        if asked.reads or asked.answer is None:
            require(asked.session or times <= 1, f"{payload!r} is {times} times in the log")
        elif asked.answer.code == "OK":
            require(times > 0, f"acknowledged, and not in the log: {payload!r}")
            require(asked.session or times == 1, f"{payload!r} is {times} times in the log")
            require(asked.answer in answers[payload], f"{payload!r} answered otherwise")
        elif expired(asked.answer):
            require(asked.answer in answers[payload], f"{payload!r} expired, not in the log")
        elif asked.undone:
            require(not times, f"said to be undone, and in the log: {payload!r}")


def _beside_rows(state: Replicated) -> object:
    """Give what the digest does not cover: sessions with their answers, and voters."""
    return state.voters, state.clients.remembered()


def _check_counters(world: World, workload: Workload, state: Replicated) -> None:
    for key, counts in workload.counters.items():
        value = state.read(encode_question("get", (key,))).value
        done = [str(count) if count else None for count in counts]
        world.require(value in done, f"{key} counted {value}, not {done}")


def _leads(world: World) -> bool:
    """One leads whose lease runs, so that its no-op is applied."""
    proposers = ((replica, replica.role(Proposer)) for replica in world.replicas.values())
    return any(proposer and proposer.may_read(r.clock()) for r, proposer in proposers)


def _recovered(world: World) -> bool:
    acceptors = [replica.role(Acceptor) for replica in world.replicas.values()]
    return all(acceptor is not None and not acceptor.recovering for acceptor in acceptors)


def _level(world: World) -> bool:
    learners = [replica.role(Learner) for replica in world.replicas.values()]
    return all(learners) and len({learner.applied for learner in learners if learner}) == 1


def _standing(world: World) -> str:
    return "; ".join(map(_stands, world.replicas.values()))


def _stands(replica: Replica) -> str:
    proposer, acceptor, learner = map(replica.role, (Proposer, Acceptor, Learner))
    state = replica.refused or ("up" if replica.up else "down")
    return (
        f"{replica.me}: {state} {proposer and proposer.ballot} "
        f"applied {learner and learner.applied} recovering {acceptor and acceptor.recovering}"
    )
