"""The acts of the demo, in the order in which they are played.

Rules: an act shows what it does before and what came of it after; a thing that is awaited has a
deadline, and the story breaks off with the reason when it passes. They have no way in but the
coordinator's orders and a client's.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Mapping, Sequence

from kvrmi.access.store import Store, connect

from ..coordinator.event import ScriptedEvent, choose
from .load import longest_pause
from .proof import short
from .stage import Broken, Failure, Outage, Stage

NAMES = ("ana", "ben", "eva")
POPULATION = 500
"""Keys in the store before the clients come."""


def places(ids: Sequence[int]) -> dict[str, int]:
    """Which replica each client talks to: the last ones, the first leads as a rule."""
    return dict(zip(NAMES, [*ids][-len(NAMES) :], strict=True))


def prologue(stage: Stage, seed: int) -> None:
    """Say what this is and fill the store."""
    cluster = stage.control.cluster
    count, quorum = len(cluster.ids), cluster.quorum
    stage.show.title(
        f"One key-value store, {count} replicas, agreement by Paxos",
        f"A write is acknowledged once {quorum} of {count} replicas have it on disk, so any "
        f"{count - quorum} may fail. This demo makes them fail under load and checks that nothing "
        f"acknowledged is lost (seed {seed}).",
    )
    fill(stage)


def fill(stage: Stage) -> None:
    """Put into the store what it holds before the clients come."""
    with connect(config=str(stage.config)) as store:
        store.put_many({f"demo/book/{n:04}": f"page {n}" for n in range(POPULATION)}.items())


def clients(stage: Stage) -> None:
    """Let three clients on three replicas see each other's changes."""
    stage.show.act(
        1,
        "Three clients, three replicas, one store",
        f"The store holds {POPULATION} keys. Each client talks to a replica of its own.",
    )
    with contextlib.ExitStack() as stack:
        stores = {
            name: stack.enter_context(connect(replica, config=str(stage.config)))
            for name, replica in places(stage.control.cluster.ids).items()
        }
        _dialogue(stage, stores)


def _dialogue(stage: Stage, stores: Mapping[str, Store]) -> None:
    homes = places(stage.control.cluster.ids)

    def show(name: str, did: str, result: object) -> None:
        stage.show.say(f"{name} at replica {homes[name]}   {did:<37} -> {result}")

    ana, ben, eva = NAMES
    key = "demo/greeting"
    show(ana, f'PUT {key} "hello from ana"', f"revision {stores[ana].put(key, 'hello from ana')}")
    show(ben, f"GET {key}", _same(stores[ben].get(key), "hello from ana"))
    swapped = stores[ben].cas(key, "hello from ana", "hello from ben")
    show(ben, f'CAS {key} .. "hello from ben"', "swapped" if swapped else "not swapped")
    show(eva, f"GET {key}", _same(stores[eva].get(key), "hello from ben"))
    show(eva, f"DELETE {key}", "deleted" if stores[eva].delete(key) else "not found")
    show(ana, f"GET {key}", _same(stores[ana].get(key), None))


def _same(found: object, expected: object) -> str:
    if found != expected:
        raise Broken(f"a client read {found!r}, the others had left {expected!r}")
    return "not found" if found is None else f'"{found}"'


def acceptors(stage: Stage, seconds: float, rng: random.Random) -> list[Failure]:
    """Fail acceptors at random moments of the first `seconds` of load, and see them come back."""
    stage.show.act(
        2,
        "Acceptors fail and come back",
        "The clients now write without a break. Acceptors fail at random moments: one that fails "
        "loses its memory, not its disk. Restarted, it reads back what it promised and accepted.",
    )
    pending = _plan(rng, stage.control.cluster.ids, seconds)
    down: list[Failure] = []
    done: list[Failure] = []
    while pending or down or stage.load.elapsed < seconds:
        if pending and stage.load.elapsed >= pending[0][0]:
            _, replica, back_after = pending.pop(0)
            down.append(_fail(stage, replica, back_after))
        for failure in [one for one in down if _is_back(stage, one)]:
            down.remove(failure)
            done.append(failure._replace(back_at=stage.load.elapsed))
            stage.show.moment(
                stage.load.elapsed,
                f"acceptor of replica {failure.replica} is back after "
                f"{stage.load.elapsed - failure.at:.1f} s",
                "green",
            )
        for failure in down:
            if stage.load.elapsed - failure.at > 15:
                raise Broken(f"the acceptor of replica {failure.replica} did not come back")
        stage.wait(0.1)
    report_pause(stage, 0.0, stage.load.elapsed)
    return done


def _plan(rng: random.Random, ids: Sequence[int], seconds: float) -> list[tuple[float, int, float]]:
    """Draw moment, victim and length of each failure: one every two seconds, no two at once."""
    plan = []
    at, last = rng.uniform(0.6, 1.0), 0
    while at < seconds - 1.5:
        victim = rng.choice([one for one in ids if one != last])
        length = rng.uniform(0.6, 1.2)
        plan.append((at, victim, length))
        at, last = at + length + rng.uniform(0.6, 1.2), victim
    return plan


def _fail(stage: Stage, replica: int, back_after: float) -> Failure:
    before = stage.admins.entry(replica)
    if before is None:
        raise Broken(f"replica {replica} does not answer")
    at = stage.load.elapsed
    stage.admins.call(replica, "fail_role", "acceptor", back_after, timeout=2.0)
    leads = ", the leader's own" if before["role"] == "leader" else ""
    stage.show.moment(at, f"acceptor of replica {replica} fails{leads}", "yellow")
    return Failure(at, replica, (before["roles"] or {})["acceptor"]["incarnation"], None)


def _is_back(stage: Stage, failure: Failure) -> bool:
    entry = stage.admins.entry(failure.replica)
    if entry is None:
        return False
    acceptor = (entry["roles"] or {})["acceptor"]
    return bool(acceptor["state"] == "up" and acceptor["incarnation"] > failure.incarnation)


def report_pause(stage: Stage, begin: float, end: float) -> None:
    """Say how many writes were acknowledged between two moments, and the longest pause."""
    moments = stage.load.moments()
    pause, _ = longest_pause(moments, begin, end)
    count = sum(begin <= at < end for at in moments)
    stage.show.say(f"{count} writes were acknowledged, the longest pause was {pause * 1000:.0f} ms")


def leader(stage: Stage, event: ScriptedEvent) -> Outage:
    """Kill the leader under load; later start it and see it restored."""
    stage.show.act(
        3,
        "The leader is killed",
        "SIGKILL ends its process at once. The others must notice, elect a new leader and go on "
        "writing. Later the dead replica is started again and restored from a peer.",
    )
    victim = choose(event, stage.control)
    if victim is None:
        raise Broken("there is no leader")
    begin = stage.load.elapsed
    pid = stage.entries()[victim]["pid"]
    down_at = stage.load.elapsed
    stage.control.kill(victim)
    stage.show.moment(down_at, f"replica {victim} (pid {pid}) is killed with SIGKILL", "bold red")
    successor = _await_leader(stage, victim)
    stage.wait(max(0.0, down_at + event.back_after - stage.load.elapsed))
    back_at = stage.load.elapsed
    stage.control.start(victim)
    stage.show.moment(back_at, f"replica {victim} is started again")
    restored = _await_restore(stage, victim)
    stage.wait(1.5)
    report_pause(stage, begin, stage.load.elapsed)
    return Outage(victim, down_at, back_at, successor, restored)


def _await_leader(stage: Stage, victim: int) -> int:
    found: list[int] = []

    def elected() -> bool:
        now = stage.leader()
        if now is not None and now != victim:
            found.append(now)
        return bool(found)

    began = stage.load.elapsed
    if not stage.until(elected, 15):
        raise Broken("no new leader within 15 s")
    stage.show.moment(
        stage.load.elapsed,
        f"replica {found[0]} leads now, noticed {stage.load.elapsed - began:.1f} s after the kill",
        "green",
    )
    return found[0]


def _await_restore(stage: Stage, victim: int) -> Mapping[str, object]:
    if not stage.until(lambda: stage.control.last_restore(victim) is not None, 30):
        raise Broken(f"replica {victim} was not restored within 30 s")
    restored = stage.control.last_restore(victim) or {}
    stage.show.moment(
        stage.load.elapsed,
        f"replica {victim} is restored from the {restored['by']} of replica {restored['peer']}: "
        f"slot {restored['slot']}, {restored['keys']} keys, "
        f"digest {short(restored['digest'])}; it had missed {restored['missed']} writes",
        "green",
    )
    return restored
