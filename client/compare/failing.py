"""Servers that die under load: what clients read and wrote, second by second.

Rules: a server is killed as KILL does it, at once, and stays down until its time has come; it is
back when all its roles are up, which is when the next one may die; every client waits for its
answer before it asks again, and gives up after a second. What died, and why it hurts, is for
whoever looks at the figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import NamedTuple

from kvrmi.cluster.status import ClusterStatus, in_charge
from kvrmi.errors import KVError

from ..nemesis.subject import Subject, whole
from .results import BACK, Moment, Second

__all__ = ["fail"]

CLIENTS = 4
"""That read, and as many that write."""
TIMEOUT = 1.0
"""Seconds until a client gives up an operation."""
CALM = 2.0
"""Seconds before the first failure."""
_START = 60.0
"""Seconds that servers may take to be back once they were started."""
_AGAIN = 0.2


class _Step(NamedTuple):
    """Who dies: so many of the followers, and the leader too or not."""

    name: str
    followers: int
    leader: bool

    def victims(self, status: ClusterStatus) -> list[int]:
        first = in_charge(status)
        others = [entry["id"] for entry in status["replicas"] if entry["id"] != first]
        return [*([first] if self.leader and first else []), *others[: self.followers]]


_STEPS = (
    _Step("one that is not in charge dies", 1, False),
    _Step("the one in charge dies", 0, True),
    _Step("two die", 1, True),
    _Step("three die", 2, True),
)


class _Client:
    """One thread that reads or writes without a pause."""

    def __init__(self, subject: Subject, number: int, writes: bool, end: Event) -> None:
        self.answers: list[tuple[float, bool]] = []
        """When each answer came, and whether it was one."""
        self.writes = writes
        self._subject = subject
        self._key = f"compare{number}"
        self._end = end
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with self._subject.open_store(None, TIMEOUT) as store:
            while not self._end.is_set():
                try:
                    if self.writes:
                        store.put(self._key, "v" * 100)
                    else:
                        store.get(self._key)
                except KVError:
                    self.answers.append((time.monotonic(), False))
                else:
                    self.answers.append((time.monotonic(), True))


def fail(
    subject: Subject, down: float, up: float, show: Callable[[str], None]
) -> tuple[list[Second], list[Moment]]:
    """Kill servers one after another: `down` seconds each, and `up` seconds after their return."""
    end = Event()
    clients = [_Client(subject, number, number % 2 == 0, end) for number in range(2 * CLIENTS)]
    time.sleep(CALM)  # connections are made
    began = time.monotonic()
    moments: list[Moment] = []

    def note(text: str) -> None:
        show(text)
        moments.append(Moment(round(time.monotonic() - began, 1), text))

    try:
        time.sleep(CALM)
        for step in _STEPS:
            _play(subject, step, down, note)
            time.sleep(up)
    finally:
        end.set()
        for client in clients:
            client.thread.join(TIMEOUT + 5)
    return _by_second(clients, began, time.monotonic()), moments


def _play(subject: Subject, step: _Step, down: float, note: Callable[[str], None]) -> None:
    """Kill, wait, start again; a step that this many servers cannot play is left out."""
    victims = step.victims(subject.status())
    if len(victims) < step.followers + step.leader:
        return
    note(step.name)
    for victim in victims:
        subject.kill(victim, force=True)
    time.sleep(down)
    for victim in victims:
        subject.bring_back(victim)
    deadline = time.monotonic() + _START
    while not whole(subject.status()) and time.monotonic() < deadline:
        time.sleep(_AGAIN)
    note(BACK)


def _by_second(clients: Sequence[_Client], began: float, ended: float) -> list[Second]:
    """Count the answers of all clients by the second in which they came, whole seconds only."""
    counts = [[0, 0, 0] for _ in range(int(ended - began))]
    for client in clients:
        for at, answered in client.answers:
            second = int(at - began)
            if at >= began and second < len(counts):
                counts[second][(1 if client.writes else 0) if answered else 2] += 1
    return [Second(*one) for one in counts]
