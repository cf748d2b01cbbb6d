"""A role's lock: what came while it was held is carried on, and time is read under it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from kvrmi.operations.interface import Answer, check
from kvrmi.operations.table import KEY_VALUE
from kvrmi.paxos.messages import Behind
from kvrmi.roles.contract import NOTHING, Address, Effects
from server.engines.paxos import PaxosEngine
from server.rolehost import RoleHost
from server.router import Router

from .stubs import ME, PEER, StubRole, host_of
from .test_router import Wire, world

NEWS = Behind(2, 7)
HOST = Address(ME, "host")


class Reader(StubRole):
    """A front that reads by asking the learner, as the real one does."""

    def __init__(
        self, learner: Callable[[], RoleHost[StubRole]], question: Callable[[object, float], str]
    ) -> None:
        super().__init__(lambda *_: Effects())
        self.leader = ME
        self._learner = learner
        self._question = question

    def read(self, now: float, question: bytes) -> Answer | None:
        self._learner().look(self._question)
        return Answer("OK", "v", 1)


def taken(router: Router, host: RoleHost[StubRole]) -> Callable[[object, float], str]:
    """Make a question during which another thread brings NEWS and finds the role taken."""

    def question(role: object, now: float) -> str:
        host.put(HOST, NEWS)
        other = threading.Thread(target=router.run)
        other.start()
        other.join(60)
        assert not other.is_alive()
        return "answer"

    return question


def test_a_question_carries_on_what_came_meanwhile() -> None:
    learner = StubRole()
    router, hosts = world(Wire(takes=True), learner=learner)
    assert hosts["learner"].ask(taken(router, hosts["learner"])) == "answer"
    assert learner.seen == [(HOST, NEWS)]


def test_a_question_that_fails_carries_on_too() -> None:
    learner = StubRole()
    router, hosts = world(Wire(takes=True), learner=learner)

    def fails(role: object, now: float) -> None:
        taken(router, hosts["learner"])(role, now)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        hosts["learner"].ask(fails)
    assert learner.seen == [(HOST, NEWS)]


class Turns:
    """A reactor that does at once what it is left."""

    def soon(self, job: Callable[[], None]) -> None:
        job()

    def add_timer(self, left: Callable[[], float], act: Callable[[], None]) -> None:
        pass


@pytest.mark.parametrize("consistency", ["linearizable", "local"])
def test_a_read_carries_on_what_came_meanwhile(consistency: str) -> None:
    learner = StubRole()
    router, hosts = world(Wire(takes=True), learner=learner)
    question = taken(router, hosts["learner"])
    front = Reader(lambda: hosts["learner"], question)
    engine = PaxosEngine(
        ME,
        {"front": host_of(lambda: front, role="front"), **hosts},  # type: ignore[arg-type]
        router,
        Turns(),
        1.0,
        dict,
        tuple,
        KEY_VALUE,
    )

    def read(_: bytes) -> Answer:
        question(learner, 0.0)
        return Answer("OK", "v", 1)

    learner.read = read  # type: ignore[attr-defined]
    engine.execute(check("get", ("k", consistency)), None)
    assert learner.seen == [(HOST, NEWS)]


@pytest.mark.parametrize("how", ["deliver", "work", "ask", "act"])
def test_time_is_read_under_the_lock(how: str) -> None:
    """Who reads it and then waits for the lock would let a lease look younger than it is."""
    host: RoleHost[StubRole] | None = None
    held: list[bool] = []

    def clock() -> float:
        held.append(host is not None and host._lock.locked())
        return 0.0

    host = host_of(StubRole, clock=clock)
    held.clear()
    if how == "deliver":
        host.deliver(PEER, NEWS)
    elif how == "work":
        host.put(PEER, NEWS)
        host.work()
    elif how == "ask":
        host.ask(lambda role, now: None)
    else:
        host.act(lambda role, now: (None, NOTHING))
    assert held
    assert all(held)
