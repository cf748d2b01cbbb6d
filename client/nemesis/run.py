"""One run from the start of the cluster to the verdict.

Rules: the plan says what comes when, and nothing waits for the cluster to recover but what the
rules of lost disks demand; the clients work all the time, and some calm at the end shows whether
all of it comes back. Whatever happens, the cluster is ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from ..history import Recorder
from ..verify import judge, load
from ..workload import Settings, Workload
from .injector import Injector
from .limits import shortfalls
from .plan import Step, draw
from .report import Report, longest_pause, pause_after, pauses, pauses_by_fault, serving
from .subject import Subject, whole

__all__ = ["Show", "Wish", "run"]

TICK = 0.05
CALM = 1.0
"""Seconds of work after all is well again."""
BACK = 60.0
"""Seconds for all replicas to come back at the end, and to hold the same."""
LIMIT = 300.0
"""Seconds for the checker."""


class Wish(NamedTuple):
    """What was asked for."""

    seconds: float
    seed: int
    data: Path
    replicas: int
    record: Path
    load: Settings


class Show(Protocol):
    """Shows how a run goes."""

    def report(self, text: str) -> None:
        """Show one thing that was done."""
        ...

    def progress(self, done: float, kills: int, recorder: Recorder) -> None:
        """Show how far it is: a share from 0 to 1; called often."""
        ...


class _Times(NamedTuple):
    begin: float
    end: float
    back: float | None


def run(wish: Wish, show: Show) -> Report:
    """Run it all. Raises NotStarted, and OSError from files."""
    problems: list[str] = []
    subject = Subject(wish.data)
    injector = Injector(subject, show.report)
    try:
        show.report(f"starting {wish.replicas} replicas in {wish.data}")
        subject.start("--replicas", str(wish.replicas))
        with wish.record.open("w", encoding="utf-8") as stream:
            ids = subject.cluster.ids
            workload = Workload(subject.open_store, ids, stream, wish.load)
            times = _work(wish, subject, injector, workload, show, problems)
            show.report("reading every key")
            unread = workload.read_all()
        problems += [] if unread is None else [unread]
        problems += _unlike(subject)
    finally:
        late = subject.stop()
    problems += [f"process {pid} did not end when asked to" for pid in late]
    show.report("checking the history")
    verdict = _judge(wish.record, problems)
    report = _report(wish, injector, workload.recorder, times, verdict, problems)
    return report._replace(problems=[*problems, *shortfalls(report)])


def _work(
    wish: Wish,
    subject: Subject,
    injector: Injector,
    workload: Workload,
    show: Show,
    problems: list[str],
) -> _Times:
    workload.start()
    try:
        begin = time.monotonic()

        def progress() -> None:
            share = min((time.monotonic() - begin) / wish.seconds, 1.0)
            show.progress(share, injector.kills["replica"], workload.recorder)

        plan = draw(wish.seed, subject.cluster.ids, wish.seconds)
        _break(plan, begin, wish.seconds, subject, injector, progress, problems)
        end = time.monotonic()
        show.report("the last fault is over")
        if not injector.finish():
            problems.append("some faults could not be undone")
        back = _await_all(subject)
        if back is None:
            problems.append(f"not all replicas came back within {BACK:.0f} s")
        time.sleep(CALM)
    finally:
        workload.stop()
    problems += workload.recorder.surprises
    return _Times(begin, end, None if back is None else back - end)


def _break(
    plan: Sequence[Step],
    begin: float,
    seconds: float,
    subject: Subject,
    injector: Injector,
    progress: Callable[[], None],
    problems: list[str],
) -> None:
    """Carry out the plan, each fault when its time has come."""
    pending = list(plan)
    while (elapsed := time.monotonic() - begin) < seconds:
        injector.tend()
        if pending and pending[0].at <= elapsed:
            injector.carry_out(pending.pop(0).fault)
        if not injector.uncoordinated and not subject.coordinated:
            problems.append("the coordinator ended by itself")
            subject.start_coordinator()
        progress()
        time.sleep(TICK)


def _await_all(subject: Subject) -> float | None:
    """Wait until all is well; when that was, or None."""
    deadline = time.monotonic() + BACK
    while not whole(subject.status()):
        if time.monotonic() > deadline:
            return None
        time.sleep(TICK)
    return time.monotonic()


def _unlike(subject: Subject) -> list[str]:
    """Wait until all replicas hold the same at the same slot; what differs if they never do."""
    deadline = time.monotonic() + BACK
    while True:
        entries = subject.status()["replicas"]
        held = {(entry["applied"], entry["digest"]) for entry in entries}
        if len(held) == 1 and None not in next(iter(held)):
            return []
        if time.monotonic() > deadline:
            each = [f"{e['id']}: slot {e['applied']} digest {e['digest']}" for e in entries]
            return [f"the replicas' contents differ: {'; '.join(each)}"]
        time.sleep(TICK)


def _judge(record: Path, problems: list[str]) -> str:
    """Check the history; the verdict, what is wrong going to `problems`."""
    found = judge(load(str(record)), LIMIT)
    if found.verdict != "ok":
        problems += [f"the history is judged {found.verdict}"]
        problems += [*found.linearizability.explanation, *found.findings]
    return found.verdict


def _report(
    wish: Wish,
    injector: Injector,
    recorder: Recorder,
    times: _Times,
    verdict: str,
    problems: Sequence[str],
) -> Report:
    moments = sorted(recorder.moments, key=lambda one: one.returned)
    last = moments[-1].returned if moments else times.end
    kills = injector.leader_kills
    return Report(
        seed=wish.seed,
        replicas=wish.replicas,
        seconds=times.end - times.begin,
        folder=str(wish.data),
        history=str(wish.record),
        faults=dict(injector.faults),
        skipped=dict(injector.skipped),
        kills=dict(injector.kills),
        outcomes=dict(recorder.outcomes),
        longest_pause=longest_pause(moments, times.begin, times.end),
        serving=serving(moments, times.begin, times.end),
        leader_kills=pauses([pause_after(moments, kill.at) for kill in kills]),
        leader_kills_alone=pauses([pause_after(moments, kill.at) for kill in kills if kill.alone]),
        by_fault=pauses_by_fault(moments, injector.done, last),
        back_seconds=times.back,
        verdict=verdict,
        problems=list(problems),
    )
