"""The engine: submitting never waits, what came together goes together, every answer comes once."""

from __future__ import annotations

import gc
import threading
import weakref
from collections import deque
from collections.abc import Callable

import pytest

from kvrmi.cluster.timing import Timing
from kvrmi.operations.interface import Answer, Result, check
from kvrmi.operations.table import KEY_VALUE
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.front import Front
from kvrmi.paxos.messages import Leading, Propose
from kvrmi.paxos.submissions import Submission
from kvrmi.remote.reactor import NEVER
from kvrmi.roles.contract import NOTHING, Address, Effects, Message
from server.engines.opened import GRACE_SECONDS
from server.engines.paxos import PaxosEngine
from server.rolehost import RoleHost
from tests.server.stubs import LOG, ME, Fatal, StubRole
from tests.server.test_router import Wire, world

BALLOT = Ballot(1, ME)


class Rig:
    """A front that has a leader when the test says so, and the test's own rounds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.proposed: list[Propose] = []
        self.jobs: deque[Callable[[], None]] = deque()
        self.timers: list[tuple[Callable[[], float], Callable[[], None]]] = []
        self.proposer, self.learner = StubRole(self._propose), StubRole()
        self.router, hosts = world(Wire(takes=True), proposer=self.proposer, learner=self.learner)
        self.role = front = Front(
            ME, bytes(8), Timing(), lambda now, question: None, lambda slot, question: None
        )
        self.front: RoleHost[Front] = RoleHost(
            Address(ME, "front"),
            lambda now, incarnation: front,
            self.router,
            clock=lambda: self.now,
            fatal=Fatal(),
            log=LOG,
        )
        everybody = {**hosts, "front": self.front}
        self.router.connect(
            everybody.values(),  # type: ignore[arg-type]
            Wire(takes=True),
            lambda at: None,
            lambda: None,
        )
        self.front.start()
        self.results: list[Result] = []
        self.engine = PaxosEngine(
            ME,
            everybody,  # type: ignore[arg-type]
            self.router,
            self,
            0.1,
            dict,
            lambda: ("replica 2 refuses us",),
            KEY_VALUE,
        )

    def _propose(self, sender: Address, message: Message) -> Effects:
        if isinstance(message, Propose):
            self.proposed.append(message)
        return NOTHING

    def submit(self, name: str, *args: object) -> None:
        self.engine.submit(check(name, args), None, self.results.append)

    def soon(self, job: Callable[[], None]) -> None:
        self.jobs.append(job)

    def add_timer(self, left: Callable[[], float], act: Callable[[], None]) -> None:
        self.timers.append((left, act))

    def turn(self) -> None:
        """One round of the reactor."""
        for left, act in self.timers:
            if left() <= 0:
                act()
        while self.jobs:
            self.jobs.popleft()()
        self.router.run()

    def lead(self) -> None:
        self.front.put(Address(ME, "proposer"), Leading(ME, BALLOT, True))
        self.turn()


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_thousand_operations_are_open_on_one_thread(rig: Rig) -> None:
    before = {*threading.enumerate()}
    for number in range(500):
        rig.submit("put", f"k{number}", "v")
        rig.submit("get", f"k{number}")
    rig.turn()
    assert rig.results == []
    assert {*threading.enumerate()} <= before, "those of former tests may end meanwhile"
    rig.now = 60.0
    rig.front.wake_if_due(rig.now)
    rig.turn()
    rig.turn()
    assert [result.code for result in rig.results] == ["NO_QUORUM"] * 1000
    assert str(rig.results[0].value).endswith(". replica 2 refuses us")


def test_what_was_submitted_in_one_round_is_one_batch(rig: Rig) -> None:
    rig.lead()
    for number in range(20):
        rig.submit("put", f"k{number}", "v")
    assert rig.proposed == []
    rig.turn()
    assert [len(propose.commands) for propose in rig.proposed] == [20]


def test_who_is_answered_may_submit_again(rig: Rig) -> None:
    answers: list[Result] = []

    def again(result: Result) -> None:
        answers.append(result)
        rig.submit("put", "next", "v")

    rig.engine.submit(check("put", ("k", "v")), None, again)
    rig.turn()
    rig.now = 60.0
    rig.front.wake_if_due(rig.now)
    for _ in range(3):
        rig.turn()
    assert [result.code for result in answers] == ["NO_QUORUM"]
    rig.lead()
    assert [len(propose.commands) for propose in rig.proposed] == [1]


def test_a_front_that_is_away_answers_at_once(rig: Rig) -> None:
    rig.submit("put", "k", "v")
    rig.front.fail("test")
    rig.turn()
    rig.submit("put", "k", "v")
    rig.submit("get", "k")
    rig.turn()
    assert [result.code for result in rig.results] == ["UNAVAILABLE"] * 3


def test_what_the_front_loses_is_answered_all_the_same(rig: Rig) -> None:
    """Once, well after its deadline, and not what is open yet; a late answer is dropped."""
    rig.lead()
    taken: list[Submission] = []
    take = rig.role.take
    rig.role.take = lambda now, those: taken.extend(those) or NOTHING  # type: ignore
    rig.submit("put", "lost", "v")
    rig.submit("get", "lost")
    rig.turn()
    rig.role.take = take  # type: ignore[method-assign]
    rig.now = Timing().request - 0.01
    rig.submit("put", "open", "v")
    rig.turn()
    for _ in range(2):  # the front may settle it yet
        rig.now += 0.02
        rig.turn()
    assert rig.results == []
    rig.now += GRACE_SECONDS
    rig.turn()
    assert [result.code for result in rig.results] == ["UNKNOWN_OUTCOME", "UNAVAILABLE"]
    for submission in taken:
        submission.settle(Answer("OK", 1, 1))
    rig.turn()
    assert len(rig.results) == 2


def test_a_front_that_has_slept_as_well_is_given_time(rig: Rig) -> None:
    """After a pause of the process both find the request overdue: nothing was sent is better."""
    rig.submit("put", "k", "v")
    rig.turn()
    rig.now = 60.0
    rig.turn()
    rig.front.wake_if_due(rig.now)
    rig.turn()
    rig.turn()
    assert [result.code for result in rig.results] == ["NO_QUORUM"]
    assert rig.timers[0][0]() == NEVER


def test_who_is_answered_leaves_nothing_behind(rig: Rig) -> None:
    """Not even until the next collection: values are large."""

    def done(result: Result) -> None:
        results.append(result)

    results: list[Result] = []
    rig.engine.submit(check("put", ("k", "v")), None, done)
    waits = weakref.ref(done)
    (submission,) = rig.engine._handed._opened._waiting.values()
    gc.disable()
    try:
        submission.settle(Answer("OK", 1, 1))
        rig.engine._handed._submitted.clear()
        del submission, done
        rig.turn()
        assert len(results) == 1
        assert waits() is None
    finally:
        gc.enable()


def test_execute_waits_for_the_answer_and_not_for_ever(rig: Rig) -> None:
    result = rig.engine.execute(check("put", ("k", "v")), None)
    assert result.code == "UNKNOWN_OUTCOME"
