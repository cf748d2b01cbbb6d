"""The acts of the demo that two-phase commit has of its own: a vote of ABORT, a replica away.

Rules: as of all acts; what a replica's absence does depends on whose votes count, and both are
shown as what they are.
"""

from __future__ import annotations

from kvrmi.access.store import connect
from kvrmi.cluster.status import is_up, needs_of
from kvrmi.errors import Aborted

from ..coordinator.event import ScriptedEvent, choose, end
from ..engines.votes import ACTIVE
from . import acts
from . import logs as found_in
from .load import longest_pause
from .proof import PAUSE_LIMIT, Result, lines
from .stage import Broken, Outage, Stage

KEY = "demo/aborted"
BACK_SECONDS = 30.0
UNDER_WAY = 0.5
"""Seconds after the kill in which a write may still be acknowledged that all had voted for."""


def active(stage: Stage) -> bool:
    """Return whether the vote of a replica that is down is not counted."""
    return stage.control.cluster.settings.get("votes") == ACTIVE


def prologue(stage: Stage) -> None:
    """Say what this is and fill the store."""
    count = len(stage.control.cluster.ids)
    down = (
        "the coordinator leaves one that is down out"
        if active(stage)
        else "one that is down blocks all writes"
    )
    stage.show.title(
        f"One key-value store, {count} replicas, two-phase commit",
        f"A write is acknowledged once all {count} replicas have voted for it and carried it out; "
        f"one ABORT aborts it, and {down}. This demo shows both under load and checks that "
        "nothing acknowledged is lost.",
    )
    acts.fill(stage)


def abort(stage: Stage) -> None:
    """Have one replica vote ABORT, and see that nothing was done."""
    voter = stage.control.cluster.ids[-1]
    stage.show.act(
        2,
        "One ABORT aborts",
        f"Replica {voter} is ordered to vote ABORT on the next transaction, as VETO {voter} does.",
    )
    stage.admins.call(voter, "veto", 1, timeout=2.0)
    with connect(config=str(stage.config)) as store:
        try:
            store.put(KEY, "never")
        except Aborted as error:
            stage.show.say(f"PUT {KEY} never -> ABORTED: {error}")
        else:
            raise Broken(f"a write was acknowledged although replica {voter} voted ABORT")
        if store.get(KEY) is not None:
            raise Broken("an aborted write took effect")
        stage.show.say(f"GET {KEY} -> not found")
        stage.show.say(f"PUT {KEY} again -> revision {store.put(KEY, 'again')}")


def away(stage: Stage, event: ScriptedEvent) -> Outage:
    """Kill a replica under load; later start it and see it back."""
    goes_on = (
        "The coordinator makes a view without it, and writes go on with the votes of the others."
        if active(stage)
        else "Its vote is missing, so every write is ABORTED until it is back."
    )
    stage.show.act(3, "A replica is killed", f"SIGKILL ends its process at once. {goes_on}")
    victim = choose(event, stage.control)
    if victim is None:
        raise Broken("no replica is up")
    begin = stage.load.elapsed
    end(stage.control, victim)
    down_at = stage.load.elapsed
    stage.show.moment(down_at, f"replica {victim} is killed with SIGKILL", "bold red")
    stage.wait(event.back_after)
    back_at = stage.load.elapsed
    stage.control.start(victim)
    stage.show.moment(back_at, f"replica {victim} is started again")
    if not stage.until(lambda: _all_vote(stage), BACK_SECONDS):
        raise Broken(f"replica {victim} did not come back within {BACK_SECONDS:g} s")
    stage.show.moment(stage.load.elapsed, f"replica {victim} votes again", "green")
    stage.wait(1.5)
    acts.report_pause(stage, begin, stage.load.elapsed)
    return Outage(victim, down_at, back_at)


def _all_vote(stage: Stage) -> bool:
    """Whether all are members as far as each knows, and have the whole store."""
    votes = [one for one in stage.entries().values() if is_up(one)]
    count = len(stage.control.cluster.ids)
    return [needs_of([one], count)["votes"] for one in votes] == [count] * count


def logs(stage: Stage) -> None:
    """Show one round of votes as the replicas logged it."""
    files = {one: stage.log_of(one) for one in stage.control.cluster.ids}
    stage.show.act(
        4,
        "What the logs show",
        "One round, from the question for votes to the last acknowledgement, in the logs of all "
        "replicas:",
    )
    newest = found_in.newest_round(files)
    lines(stage, found_in.of_round(files, *newest) if newest is not None else [])


def while_away(stage: Stage, outage: Outage) -> Result:
    """Check that writes went on without the replica, or that none was acknowledged."""
    begin, end = outage.down_at + UNDER_WAY, outage.back_at
    moments = stage.load.moments()
    count = sum(begin <= at < end for at in moments)
    if not active(stage):
        clients = len(stage.load.clients)  # each may have had one under way that all had voted for
        under_way = f" but {count} that were under way" if count else ""
        return count <= clients, (
            f"no write was acknowledged while replica {outage.victim} was down{under_way}, "
            "as all must vote"
        )
    pause, _ = longest_pause(moments, outage.down_at, end)
    return count > 0 and pause <= PAUSE_LIMIT, (
        f"{count} writes were acknowledged while replica {outage.victim} was down, "
        f"the longest pause was {pause:.2f} s"
    )
