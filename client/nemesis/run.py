"""One run from the start of the cluster, or from when it is attached to, to the verdict.

Rules: the plan says what comes when, and nothing waits for the cluster to recover but what the
rules of lost disks demand; the clients work all the time, and some calm at the end shows whether
all of it comes back. Whatever happens, a cluster of our own is ended, and in one that ran before
all that was failed is brought back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import NamedTuple, Protocol

from ..history import Recorder
from ..verify import judge, load
from ..workload import Settings, Workload
from .injector import Injector
from .limits import shortfalls
from .plan import WHOLE, Mix, Step, drawn
from .report import Report, longest_pause, pause_after, pauses, pauses_by_fault, serving
from .subject import Subject, whole

__all__ = ["Progress", "Show", "Wish", "attached", "run"]

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
    """At most; infinite: until it is asked to end."""
    seed: int
    data: Path
    replicas: int
    record: Path
    load: Settings
    mix: Mix = WHOLE


class Progress(NamedTuple):
    """How far a run is."""

    seconds: float
    of: float
    due: float
    """Seconds until the next fault."""
    faults: int
    kills: int
    outcomes: Mapping[str, int]


class Show(Protocol):
    """Shows how a run goes."""

    def report(self, text: str) -> None:
        """Show one thing that was done."""
        ...

    def phase(self, text: str) -> None:
        """Show what is being done now, other than failing the cluster."""
        ...

    def progress(self, progress: Progress) -> None:
        """Show how far it is; called often."""
        ...


class _Times(NamedTuple):
    begin: float
    end: float
    back: float | None


def run(wish: Wish, show: Show, ending: Event) -> Report:
    """Run it all on a cluster of our own. Raises NotStarted, and OSError from files.

    ending: set when no fault shall come any more.
    """
    subject = Subject(wish.data)
    trial = _Trial(wish, subject, show, ending, forget=False)
    try:
        show.phase(f"starting {wish.replicas} replicas in {wish.data}")
        subject.start("--replicas", str(wish.replicas))
        trial.run()
        trial.problems += _unlike(subject)
    finally:
        late = subject.stop()
    trial.problems += [f"process {pid} did not end when asked to" for pid in late]
    report = trial.judged()
    return report._replace(problems=[*report.problems, *shortfalls(report, wish.mix)])


def attached(wish: Wish, subject: Subject, show: Show, ending: Event) -> Report:
    """Run it on a cluster that is attached to, and leave that as it was. Raises as `run`."""
    trial = _Trial(wish, subject, show, ending, forget=True)
    try:
        trial.run()
        trial.problems += _contradicting(subject)
    except BaseException as error:
        brought = "is brought back" if trial.injector.finish() else "could not be brought back"
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(
                f"it ended before the history was checked; what was failed {brought}"
            ) from error
        raise
    report = trial.judged()
    return report._replace(problems=[*report.problems, *shortfalls(report, wish.mix)])


class _Trial:
    """Clients at work while faults come and go."""

    def __init__(
        self, wish: Wish, subject: Subject, show: Show, ending: Event, *, forget: bool
    ) -> None:
        self.problems: list[str] = []
        self.injector = Injector(subject, show.report)
        self._wish = wish
        self._subject = subject
        self._show = show
        self._ending = ending
        self._forget = forget

    def run(self) -> None:
        """Do it all but the judging."""
        wish, subject = self._wish, self._subject
        with wish.record.open("w", encoding="utf-8") as stream:
            workload = Workload(subject.open_store, subject.cluster.ids, stream, wish.load)
            self._recorder = workload.recorder
            self._times = self._work(workload)
            self._show.phase("reading every key")
            unread = workload.read_all()
            unforgotten = workload.forget() if self._forget else None
        self.problems += [problem for problem in (unread, unforgotten) if problem]

    def judged(self) -> Report:
        """Check the history and sum up."""
        self._show.phase("checking the history")
        verdict = _judge(self._wish.record, self.problems)
        return _report(
            self._wish, self.injector, self._recorder, self._times, verdict, self.problems
        )

    def _work(self, workload: Workload) -> _Times:
        workload.start()
        try:
            begin = time.monotonic()
            plan = drawn(self._wish.seed, self._subject.cluster.ids, self._wish.mix)
            self._break(plan, begin, workload.recorder)
            end = time.monotonic()
            self._show.phase("the last fault is over, all is brought back")
            if not self.injector.finish():
                self.problems.append("some faults could not be undone")
            back = _await_all(self._subject)
            if back is None:
                self.problems.append(f"not all replicas came back within {BACK:.0f} s")
            time.sleep(CALM)
        finally:
            workload.stop()
        self.problems += workload.recorder.surprises
        return _Times(begin, end, None if back is None else back - end)

    def _break(self, plan: Iterator[Step], begin: float, recorder: Recorder) -> None:
        """Carry out the plan, each fault when its time has come."""
        injector, subject, seconds = self.injector, self._subject, self._wish.seconds
        step = next(plan)
        while (elapsed := time.monotonic() - begin) < seconds and not self._ending.is_set():
            injector.tend()
            if step.at <= elapsed:
                injector.carry_out(step.fault)
                step = next(plan)
            if not injector.uncoordinated and not subject.coordinated:
                self.problems.append("the coordinator ended by itself")
                subject.start_coordinator()
            faults, kills = injector.faults.total(), injector.kills["replica"]
            due = max(step.at - elapsed, 0.0)
            outcomes = recorder.outcomes
            self._show.progress(Progress(elapsed, seconds, due, faults, kills, outcomes))
            self._ending.wait(TICK)


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


def _contradicting(subject: Subject) -> list[str]:
    """Compare replicas of which others may write: what differs at the same slot."""
    deadline = time.monotonic() + BACK
    while True:
        entries = subject.status()["replicas"]
        held: dict[object, set[object]] = {}
        for entry in entries:
            held.setdefault(entry["applied"], set()).add(entry["digest"])
        if any(len(digests) > 1 for digests in held.values()):
            return [f"the replicas' contents differ at slots {sorted(map(str, held))}"]
        if len(held) == 1 or time.monotonic() > deadline:
            return []
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
