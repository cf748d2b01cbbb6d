"""The demo: failures on purpose under load, recovery, and the proof that nothing was lost.

Rules: every number shown was measured in this run; whatever does not hold at the end is named and
makes the exit status 1. The acts are in acts.py, and what two-phase commit has of its own in
phases.py, the proof in proof.py; here is their order and the verdict.
"""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from kvrmi.cli import INTERRUPTED
from kvrmi.errors import KVError

from ..coordinator.control import Control
from ..coordinator.event import ScriptedEvent
from ..coordinator.health import Admins
from ..engines.kinds import Story, kind_of
from . import acts, phases, proof
from .load import Load
from .show import Show
from .stage import Broken, Interrupted, Stage


def run(
    control: Control,
    admins: Admins,
    config: Path,
    event: ScriptedEvent,
    seed: int | None,
    stopping: threading.Event,
    show: Show,
    *,
    kept: bool,
) -> int:
    """Play a demo; returns 1 if something did not hold, else 0. INTERRUPTED by `stopping`.

    kept: the cluster's folder outlives this run even if all holds.
    """
    seed = secrets.randbelow(10_000) if seed is None else seed
    load = Load(config, acts.places(control.cluster.ids))
    stage = Stage(control, admins, config, load, show, stopping)
    try:
        failed = _STORIES[kind_of(control.cluster.engine).demo](stage, event, seed)
    except Interrupted:
        where = f"; logs and data are kept in {config.parent}" if kept else ""
        show.say(f"interrupted, nothing was checked{where}")
        return INTERRUPTED
    except (Broken, KVError) as error:
        show.check(False, str(error))
        failed = 1
    finally:
        load.close()
    outcome = "Some checks failed, see above." if failed else "Nothing acknowledged was lost."
    where = f"Logs and data are kept in {config.parent}"
    if not kept and not failed:
        where = f"Logs and data in {config.parent} are removed at the end; --keep keeps them."
    show.verdict(failed == 0, f"{outcome} {where}")
    return 1 if failed else 0


def _elections(stage: Stage, event: ScriptedEvent, seed: int) -> int:
    """Acceptors fail one after the other, then the leader; returns how many checks failed."""
    acts.prologue(stage, seed)
    acts.clients(stage)
    stage.load.start()
    with stage.show.progress():
        failures = acts.acceptors(stage, event.down_after, random.Random(seed))
        outage = acts.leader(stage, event)
    stage.load.stop()
    proof.table(stage, outage, "the leader")
    proof.logs(stage, failures, outage)
    return proof.checks(
        stage,
        5,
        (
            proof.writes(stage),
            proof.reads(stage),
            proof.digests(stage),
            proof.acceptors(failures),
            proof.restore(outage),
            proof.pause(stage),
        ),
    )


def _views(stage: Stage, event: ScriptedEvent, _: int) -> int:
    """Someone votes ABORT, then a replica is away; returns how many checks failed."""
    phases.prologue(stage)
    acts.clients(stage)
    phases.abort(stage)
    stage.load.start()
    with stage.show.progress():
        stage.wait(event.down_after)
        outage = phases.away(stage, event)
    stage.load.stop()
    proof.table(stage, outage, f"replica {outage.victim}")
    phases.logs(stage)
    return proof.checks(
        stage,
        5,
        (
            proof.writes(stage),
            proof.reads(stage),
            proof.digests(stage),
            phases.while_away(stage, outage),
        ),
    )


_STORIES: Mapping[Story, Callable[[Stage, ScriptedEvent, int], int]] = {
    "elections": _elections,
    "views": _views,
}
"""An engine names the one that shows it (engines/kinds.py)."""
