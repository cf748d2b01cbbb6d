"""The course of one operation, step by step: no socket, no thread, and no time but what is said."""

from __future__ import annotations

import pytest

from kvrmi.access.attempts import Ask, Attempts, Done, GiveUp, LookAt, Pause, Step, Take
from kvrmi.access.candidates import AVOID, Candidate, Candidates
from kvrmi.access.events import Answered, Event, Failed
from kvrmi.access.findings import ANSWER, Lost, Unsent
from kvrmi.access.lookup import Endpoint
from kvrmi.access.request_ids import RequestId
from kvrmi.errors import (
    Aborted,
    ConnectionFailed,
    InvalidRequest,
    KVError,
    NoQuorum,
    UnknownOutcome,
)
from kvrmi.operations.arguments import CONSISTENCY, KEY, LOCAL
from kvrmi.operations.definition import define
from kvrmi.operations.interface import check
from kvrmi.operations.vocabulary import Vocabulary

ID = RequestId("a", 7)
PUT = check("put", ("k", "v"))
GET = check("get", ("k",))
EXPIRED = UnknownOutcome("session expired")


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def candidates(events: list[Event]) -> Candidates:
    known = [Candidate(Endpoint(id, "h", id, f"kvrmi.replica{id}")) for id in (1, 2, 3)]
    return Candidates(known, "a test", events.append)


def late(kind: type[Unsent] | type[Lost]) -> Unsent | Lost:
    error = kind("timed out")
    error.__cause__ = TimeoutError()
    return error


def refused() -> Unsent:
    error = Unsent("refused")
    error.__cause__ = ConnectionRefusedError()
    return error


def answer(leader: int | None = 1) -> dict[str, object]:
    return {"value": 1, "revision": 1, "replica": 1, "leader": leader, "stale": False}


def asked(step: Step) -> int:
    assert isinstance(step, Ask), step
    return step.candidate.endpoint.replica


def given_up(step: Step) -> KVError:
    assert isinstance(step, GiveUp), step
    return step.error


def test_what_says_who_answers_is_sent_in_its_place(candidates: Candidates) -> None:
    asks = (
        define("get", 5, (KEY, CONSISTENCY), "", reads=True),
        define("size", 7, (CONSISTENCY,), "", reads=True),
    )
    for name, args in (("get", ["k", LOCAL]), ("size", [LOCAL])):
        operation = check(name, args, Vocabulary("v", asks))
        step = Attempts(candidates, operation, 5.0, 100.0).begin(100.0)
        assert isinstance(step, Ask)
        assert step.arguments == (name, args)


class Course:
    """Attempts of a write that has its id, five seconds, and a clock that the test moves."""

    def __init__(self, candidates: Candidates, timeout: float = 5.0) -> None:
        self.now = 100.0
        self.attempts = Attempts(candidates, PUT, timeout, self.now)
        assert self.attempts.begin(self.now) == Take(timeout)
        self.step = self.attempts.took(ID, self.now)

    def fail(self, *errors: Unsent | Lost | KVError) -> Step:
        """One attempt after the other ends so; pauses pass."""
        for error in errors:
            assert isinstance(self.step, Ask), self.step
            self.step = self.attempts.failed(error, self.now)
            self.go_on()
        return self.step

    def go_on(self) -> None:
        while isinstance(self.step, (Pause, LookAt)):
            if isinstance(self.step, Pause):
                self.now += self.step.seconds
                self.step = self.attempts.paused(self.now)
            else:
                looks = [{"leader": 3}] * len(self.step.candidates)
                self.step = self.attempts.looked(looks, self.now)


@pytest.fixture
def course(candidates: Candidates) -> Course:
    return Course(candidates)


def test_a_write_has_its_id_in_every_attempt(course: Course) -> None:
    for error in (refused(), Lost("reset"), NoQuorum("none"), ConnectionFailed("starting")):
        assert isinstance(course.step, Ask)
        assert course.step.arguments == ("put", ["k", "v"], ["a", 7])
        course.fail(error)
    assert course.attempts.answered(answer()) == Done(answer())


def test_a_read_has_no_id(candidates: Candidates) -> None:
    step = Attempts(candidates, GET, 5.0, 0.0).begin(0.0)
    assert isinstance(step, Ask)
    assert step.arguments == ("get", ["k", "linearizable"])
    assert step.seconds == ANSWER


def test_without_an_id_nothing_was_done(candidates: Candidates) -> None:
    attempts = Attempts(candidates, PUT, 5.0, 0.0)
    attempts.begin(0.0)
    assert "nothing was done" in str(given_up(attempts.took(None, 5.0)))


def test_each_is_asked_once_in_a_round_and_pauses_grow(candidates: Candidates) -> None:
    course = Course(candidates)
    order: list[int] = []
    pauses: list[float] = []
    while len(pauses) < 5:
        if isinstance(course.step, Pause):
            pauses.append(course.step.seconds)
            course.now += course.step.seconds
            course.step = course.attempts.paused(course.now)
        else:
            order.append(asked(course.step))
            course.step = course.attempts.failed(ConnectionFailed("starting"), course.now)
    assert [sorted(order[at : at + 3]) for at in range(0, 15, 3)] == [[1, 2, 3]] * 5
    assert pauses == [0.05, 0.1, 0.2, 0.3, 0.3]


@pytest.mark.parametrize("after", [NoQuorum("none"), ConnectionFailed("starting"), refused()])
@pytest.mark.parametrize("doubt", [Lost("reset"), late(Lost), UnknownOutcome("no majority")])
def test_what_may_have_been_sent_is_unknown_whatever_follows(
    course: Course, doubt: Lost | KVError, after: Unsent | KVError
) -> None:
    course.fail(doubt)
    course.now += 4.99
    while isinstance(course.step, Ask):
        course.fail(after)
    error = given_up(course.step)
    assert isinstance(error, UnknownOutcome)
    assert error.request == ID, "the write in doubt, for OUTCOME"
    assert "may or may not" in str(given_up(course.step))


def test_no_quorum_is_reported_only_of_what_was_not_sent(course: Course) -> None:
    course.now += 3.0  # what is left is less than a server may take
    assert isinstance(course.step, Ask)
    step = course.attempts.failed(NoQuorum("none; nothing was done"), course.now)
    assert isinstance(step, LookAt)
    step = course.attempts.looked([{"leader": None}, {"leader": 1}], course.now)
    assert isinstance(step, Pause), "a leader may show up"
    assert isinstance(course.attempts.paused(course.now), LookAt)
    step = course.attempts.looked([{"leader": 1}] * 3, course.now)
    assert isinstance(given_up(step), NoQuorum), "1 has said itself that it has no quorum"


def test_an_expired_session_is_replaced_if_nothing_was_sent(course: Course) -> None:
    assert course.fail(EXPIRED) == Take(5.0, ID)
    course.step = course.attempts.took(RequestId("b", 1), course.now)
    assert isinstance(course.step, Ask)
    assert course.step.arguments[-1] == ["b", 1]


def test_an_expired_session_of_what_may_have_been_sent_is_in_doubt(course: Course) -> None:
    assert given_up(course.fail(Lost("reset"), EXPIRED)) is EXPIRED


def test_one_that_expires_as_the_time_ends_was_not_done(course: Course) -> None:
    course.now += 5.0
    assert course.fail(EXPIRED) == Take(0.0, ID)
    step = course.attempts.took(RequestId("b", 1), course.now)
    assert isinstance(given_up(step), ConnectionFailed)
    assert "nothing was done" in str(given_up(step))


@pytest.mark.parametrize("error", [InvalidRequest("bad"), Aborted("voted down")])
def test_final_errors_end_it(course: Course, error: KVError, events: list[Event]) -> None:
    assert given_up(course.fail(error)) is error
    assert isinstance(events[-1], Answered)


def test_aborted_is_not_final_for_what_may_have_been_sent(course: Course) -> None:
    assert isinstance(course.fail(Lost("reset"), Aborted("voted down")), Ask)


def test_nobody_was_ever_there(course: Course, events: list[Event]) -> None:
    error = given_up(course.fail(refused(), refused(), refused()))
    assert "no replica of a test answered" in str(error)
    assert course.now == 100.0, "after one round"
    assert events == [Failed(id, f"h:{id}", "refused", sent=False) for id in (1, 2, 3)]


def test_silence_is_looked_at_first_in_this_operation_and_the_next(candidates: Candidates) -> None:
    course = Course(candidates)
    course.step = course.attempts.failed(late(Lost), course.now)
    assert isinstance(course.step, LookAt)
    assert [candidate.endpoint.replica for candidate in course.step.candidates] == [2, 3]
    course.step = course.attempts.looked([late(Unsent), {"leader": 3}], course.now)
    assert asked(course.step) == 3
    course.attempts.answered(answer(leader=3))
    silent = [candidate.endpoint.replica for candidate in candidates.all if candidate.silent]
    assert silent == [1, 2]
    assert [one.endpoint.replica for one in candidates.order(course.now + AVOID)] == [
        3,
        1,
        2,
    ]


def test_the_leader_is_followed_and_a_preferred_one_is_kept(candidates: Candidates) -> None:
    course = Course(candidates)
    course.attempts.answered(answer(leader=3))
    assert asked(Course(candidates).step) == 3
    candidates.prefer(2)
    assert asked(Course(candidates).step) == 2
    candidates.prefer(None)
    assert asked(Course(candidates).step) == 3
    with pytest.raises(InvalidRequest):
        candidates.prefer(9)


@pytest.mark.parametrize("given", ["1", 1.0, True])
def test_a_replica_is_named_by_its_number_alone(candidates: Candidates, given: object) -> None:
    with pytest.raises(InvalidRequest, match="named by its number, such as 1, not by"):
        candidates.prefer(given)  # type: ignore[arg-type]


def test_it_ends_in_time_whatever_happens(candidates: Candidates) -> None:
    course = Course(candidates, timeout=2.0)
    while not isinstance(course.step, GiveUp):
        if isinstance(course.step, Ask):
            course.now += course.step.seconds
            course.step = course.attempts.failed(late(Lost), course.now)
        elif isinstance(course.step, LookAt):
            course.now += course.step.seconds
            nobody = [late(Unsent)] * len(course.step.candidates)
            course.step = course.attempts.looked(nobody, course.now)
        else:
            course.go_on()
    assert course.now <= 102.0 + 0.001


def test_one_attempt_is_made_however_little_time_there_is(candidates: Candidates) -> None:
    attempts = Attempts(candidates, GET, 1e-9, 0.0)
    assert isinstance(attempts.begin(1.0), Ask)
