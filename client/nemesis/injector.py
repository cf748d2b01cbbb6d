"""Carries out faults on a real cluster, and undoes them in time.

Rules: any number of replicas may be down, stopped or cut off at a time, but disks are lost only
while all others have theirs, and never more at a time than a majority can spare: the next are lost
after these are back. Whatever was done is undone in the end.
It does not judge what becomes of the cluster.
"""

from __future__ import annotations

import heapq
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from .faults import Aim, Fault, Kind, Link, links, victims
from .subject import Subject, all_up, whole

__all__ = ["Injector", "LeaderKill"]

AGAIN = 0.5
"""Seconds after which an undoing that did not succeed is tried again."""
TIMEOUT = 60.0
"""Seconds for undoing everything."""


class LeaderKill(NamedTuple):
    """A SIGKILL of the leader, with one other at most."""

    at: float
    """When, by the monotonic clock."""
    alone: bool
    """Whether nothing else was wrong at that moment."""


class _Undoing(NamedTuple):
    due: float
    number: int
    """Breaks ties."""
    undo: Callable[[], bool]
    """Returns whether it succeeded."""
    early: Callable[[], bool] | None = None
    """The same before its time, of what else ends by itself."""


class Injector:
    """Does and undoes; used by one thread."""

    def __init__(self, subject: Subject, show: Callable[[str], None]) -> None:
        """`show` gets a line for each thing done."""
        self.faults: Counter[str] = Counter()
        """How many of each kind were carried out."""
        self.skipped: Counter[str] = Counter()
        """How many could not be, since a rule forbade it or nobody was there to be hit."""
        self.kills: Counter[str] = Counter()
        """SIGKILLs that hit: replica, coordinator, name server."""
        self.leader_kills: list[LeaderKill] = []
        self.done: list[tuple[float, str]] = []
        """When each fault was begun, by the monotonic clock, and its name."""
        self._subject = subject
        self._show = show
        self._undoings: list[_Undoing] = []
        self._number = 0
        self._lost: set[int] = set()
        self._uncoordinated = False
        self._cuts: list[frozenset[Link]] = []
        self._deeds: dict[Kind, Callable[[Fault, tuple[int, ...], int | None], str | None]] = {
            Kind.KILL: self._kill,
            Kind.KILL_ALL: self._kill,
            Kind.STOP: self._stop,
            Kind.ROLE: self._fail_role,
            Kind.CUT: self._cut,
            Kind.HANG: self._hang_disk,
            Kind.WIPE: self._lose,
            Kind.DAMAGE: self._lose,
            Kind.COORDINATOR: self._kill_coordinator,
            Kind.NAMES: self._kill_names,
        }

    def carry_out(self, fault: Fault) -> None:
        """Do it now, if the rules allow and somebody is there."""
        status = self._subject.status()
        alive = {entry["id"] for entry in status["replicas"] if entry["pid"]}
        self._quiet = whole(status) and not self._undoings and not self._lost
        leader = status["leader"]
        if leader is None:  # in an election, or of an engine that has none
            fault = fault._replace(aim=Aim.ANY)
        chosen = victims(fault, leader, alive)
        at = time.monotonic()
        did = self._deeds[fault.kind](fault, chosen, leader)
        if did is not None:
            self.done.append((at, fault.name))
        (self.skipped if did is None else self.faults)[fault.kind] += 1
        self._show(did if did is not None else f"{fault.kind}: not now")

    def tend(self) -> None:
        """Undo what is due."""
        now = time.monotonic()
        while self._undoings and self._undoings[0].due <= now:
            undoing = heapq.heappop(self._undoings)
            if not undoing.undo():
                self._later(AGAIN, undoing.undo)

    def finish(self) -> bool:
        """Undo everything at once; False if that did not succeed in time."""
        self._undoings = [
            one._replace(due=0.0, undo=one.early or one.undo) for one in self._undoings
        ]
        heapq.heapify(self._undoings)
        deadline = time.monotonic() + TIMEOUT
        while self._undoings:
            if time.monotonic() > deadline:
                return False
            self.tend()
            time.sleep(0.05)
        return True

    @property
    def uncoordinated(self) -> bool:
        """Whether the coordinator is down on purpose."""
        return self._uncoordinated

    def _later(self, seconds: float, undo: Callable[[], bool]) -> None:
        self._number += 1
        heapq.heappush(self._undoings, _Undoing(time.monotonic() + seconds, self._number, undo))

    def _by_itself(self, seconds: float, early: Sequence[Callable[[], bool]]) -> None:
        """Note what ends by itself, and how to end it before."""
        for one in early:
            self._number += 1
            due = time.monotonic() + seconds
            heapq.heappush(self._undoings, _Undoing(due, self._number, lambda: True, one))

    def _kill(self, fault: Fault, chosen: tuple[int, ...], leader: int | None) -> str | None:
        killed = []
        for replica in chosen:
            at = time.monotonic()
            if self._killed(replica, fault.lasting):
                killed.append(replica)
                if replica == leader and fault.kind is Kind.KILL:
                    alone = self._quiet and len(chosen) == 1
                    self.leader_kills.append(LeaderKill(at, alone))
        self.kills["replica"] += len(killed)
        down = f", down for {fault.lasting:.1f} s" if fault.lasting else ""
        return f"kill -9 {_named(killed, leader)}{down}" if killed else None

    def _killed(self, replica: int, lasting: float) -> bool:
        """Kill a process, which its coordinator starts again, or we do after so many seconds."""
        if not lasting:
            return self._subject.signal(replica, signal.SIGKILL)
        self._later(lasting, partial(self._subject.bring_back, replica))
        return self._subject.kill(replica, force=True)

    def _stop(self, fault: Fault, chosen: tuple[int, ...], leader: int | None) -> str | None:
        stopped = [one for one in chosen if self._subject.signal(one, signal.SIGSTOP)]
        for replica in stopped:
            self._later(fault.lasting, partial(self._go_on, replica))
        return f"stop {_named(stopped, leader)} for {fault.lasting:.1f} s" if stopped else None

    def _go_on(self, replica: int) -> bool:
        self._subject.signal(replica, signal.SIGCONT)
        return True  # or it was killed meanwhile

    def _fail_role(self, fault: Fault, chosen: tuple[int, ...], leader: int | None) -> str | None:
        failed = [
            one for one in chosen if self._subject.fail_role(one, fault.detail, fault.lasting)
        ]
        if not failed:
            return None
        restart = self._subject.restart_role
        self._by_itself(fault.lasting, [partial(restart, one, fault.detail) for one in failed])
        return f"fail the {fault.detail} of {_named(failed, leader)} for {fault.lasting:.1f} s"

    def _hang_disk(self, fault: Fault, chosen: tuple[int, ...], leader: int | None) -> str | None:
        hung = [one for one in chosen if self._subject.hang_disk(one, fault.lasting)]
        if not hung:
            return None
        let_go = self._subject.hang_disk
        self._by_itself(fault.lasting, [partial(let_go, one, 0.0) for one in hung])
        return f"hang the disk of {_named(hung, leader)} for {fault.lasting:.1f} s"

    def _cut(self, fault: Fault, chosen: tuple[int, ...], leader: int | None) -> str | None:
        first = [leader] if fault.aim is Aim.LEADER and leader is not None else []
        order = [*first, *(one for one in fault.order if one not in first)]
        cut = links(fault.detail, order)
        self._subject.cut(cut, fault.side)
        self._cuts.append(cut)
        self._later(fault.lasting, partial(self._heal, cut))
        where = "both sides" if fault.side == "both" else f"the {fault.side}'s side"
        who = _named(order[:1], leader)
        return f"cut {fault.detail} for {fault.lasting:.1f} s: {who} first, at {where}"

    def _heal(self, cut: frozenset[Link]) -> bool:
        """Heal the links of one cut, but those that another still cuts."""
        others = list(self._cuts)
        others.remove(cut)
        if not self._subject.heal(cut.difference(*others)):
            return False
        self._cuts = others
        return True

    def _lose(self, fault: Fault, chosen: tuple[int, ...], leader: int | None) -> str | None:
        if self._lost:
            return None
        deed = self._subject.wipe if fault.kind is Kind.WIPE else self._subject.damage
        lost = [one for one in chosen if self._subject.kill(one)]
        for replica in lost:
            deed(replica, fault.detail)
            self._lost.add(replica)
            self._later(0.0, partial(self._subject.bring_back, replica))
            self._later(AGAIN, partial(self._rejoined, replica))
        self.kills["replica"] += len(lost)
        what = "folder" if fault.detail == "all" else f"{fault.detail}.db"
        return f"{fault.kind} the {what} of {_named(lost, leader)}" if lost else None

    def _rejoined(self, replica: int) -> bool:
        entries = self._subject.status()["replicas"]
        if not any(entry["id"] == replica and all_up(entry) for entry in entries):
            return False
        self._lost.discard(replica)
        return True

    def _kill_coordinator(
        self, fault: Fault, chosen: tuple[int, ...], leader: int | None
    ) -> str | None:
        if not self._subject.kill_coordinator():
            return None
        self._uncoordinated = True
        self.kills["coordinator"] += 1
        self._later(fault.lasting, self._coordinate)
        return f"kill -9 the coordinator, started again in {fault.lasting:.1f} s"

    def _coordinate(self) -> bool:
        self._subject.start_coordinator()
        self._uncoordinated = False
        return True

    def _kill_names(self, fault: Fault, chosen: tuple[int, ...], leader: int | None) -> str | None:
        if not self._subject.kill_names():
            return None
        self.kills["name server"] += 1
        return "kill -9 the name server"


def _named(replicas: list[int], leader: int | None) -> str:
    words = [f"{one} (leader)" if one == leader else f"{one}" for one in replicas]
    return f"replica {' and '.join(words)}" if len(words) < 3 else f"replicas {', '.join(words)}"
