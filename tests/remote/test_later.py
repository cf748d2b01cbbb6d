"""Answers that come later, from any thread: in order, once, and never in their bringer's way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from time import monotonic

import pytest

from kvrmi.remote import channel
from kvrmi.remote.daemon import Daemon
from kvrmi.remote.frames import BATCH, INVOKE, ONEWAY, pack
from kvrmi.remote.later import Later, Once, Reply
from kvrmi.remote.payload import MSGPACK, dump

from .rig import NAME, Raw, Target, exposed, serve, until


class Patient(Target):
    """Answers when the test does."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[object, Reply]] = []

    @exposed
    def later(self, value: object = None) -> Later:
        return Later(lambda reply: self.asked.append((value, reply)))

    @exposed
    def at_once(self, value: object = None) -> Later:
        return Later(lambda reply: reply(value))

    @exposed
    def broken(self) -> Later:
        def begin(reply: Reply) -> None:
            raise ValueError("INVALID: it cannot begin")

        return Later(begin)


@pytest.fixture
def patient() -> Patient:
    return Patient()


@pytest.fixture
def daemon(patient: Patient) -> Iterator[Daemon]:
    made = serve(patient, max_message=8 << 20)
    yield made
    made.cut()


@pytest.fixture
def raw(daemon: Daemon) -> Iterator[Raw]:
    with Raw(daemon.port) as made:
        yield made.shaken()


def test_any_thread_answers(patient: Patient, raw: Raw) -> None:
    raw.call("later", "question")
    until(lambda: patient.asked)
    thread = threading.Thread(target=patient.asked[0][1], args=("answer",))
    thread.start()
    assert raw.answer() == "answer"
    thread.join()


def test_an_answer_may_be_there_at_once(raw: Raw) -> None:
    for number in range(3):
        raw.call("at_once", number)
        assert raw.answer() == number


def test_an_error_is_an_answer_too(patient: Patient, raw: Raw) -> None:
    raw.call("later")
    until(lambda: patient.asked)
    patient.asked[0][1](ValueError("INVALID: no"))
    assert raw.answer()["args"] == ("INVALID: no",)
    raw.call("later")
    until(lambda: len(patient.asked) == 2)
    patient.asked[1][1](object)  # nothing that could be written
    assert raw.answer()["__exception__"] is True
    raw.call("broken")
    assert raw.answer()["args"] == ("INVALID: it cannot begin",)


def test_only_the_first_answer_counts(patient: Patient, raw: Raw) -> None:
    raw.call("later")
    until(lambda: patient.asked)
    reply = patient.asked[0][1]
    for value in ("first", "second"):
        reply(value)
    assert raw.answer() == "first"
    raw.call("at_once", "next")
    assert raw.answer() == "next"


def test_of_many_that_answer_one_is_taken() -> None:
    taken: list[int] = []
    once = Once(taken.append)
    threads = [threading.Thread(target=once, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1


def test_the_next_call_of_a_connection_begins_after_the_answer(
    patient: Patient, raw: Raw, daemon: Daemon
) -> None:
    for number in range(3):
        raw.call("later", number)
    until(lambda: patient.asked)
    with Raw(daemon.port) as other:
        other.shaken().call("at_once", "nobody else waits")
        assert other.answer() == "nobody else waits"
    for number in range(3):
        until(lambda: len(patient.asked) > number)  # noqa: B023
        assert [value for value, _ in patient.asked] == list(range(number + 1))
        patient.asked[number][1](number)
        assert raw.answer() == number


def test_the_calls_of_a_batch_come_one_after_the_other(patient: Patient, raw: Raw) -> None:
    calls: list[object] = [("later", (1,), {}), ("later", (2,), {}), ("broken", (), {})]
    raw.sock.sendall(pack(INVOKE, MSGPACK, BATCH, 1, dump(MSGPACK, [NAME, "<batch>", calls, {}])))
    until(lambda: patient.asked)
    assert [value for value, _ in patient.asked] == [1]
    patient.asked[0][1]("one")
    until(lambda: len(patient.asked) == 2)
    patient.asked[1][1]("two")
    one, two, failed = raw.answer()
    assert (one, two) == ("one", "two")
    assert failed["exception"]["args"] == ["INVALID: it cannot begin"]


def test_a_oneway_call_has_no_frame_and_its_place_in_the_order(patient: Patient, raw: Raw) -> None:
    raw.call("later", flags=ONEWAY)
    raw.call("at_once", "next")
    until(lambda: patient.asked)
    patient.asked[0][1]("unheard")
    assert raw.answer() == "next"


def test_who_is_gone_gets_nothing_and_disturbs_nobody(
    patient: Patient, daemon: Daemon, raw: Raw
) -> None:
    with Raw(daemon.port) as gone:
        gone.shaken().call("later")
        until(lambda: patient.asked)
    patient.asked[0][1]("too late")
    raw.call("at_once", "here")
    assert raw.answer() == "here"
    until(lambda: daemon.connections == 1)


def test_nobody_who_answers_waits_for_the_reader(
    patient: Patient, daemon: Daemon, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "FRAME_SECONDS", 4.0)
    raw.call("later", serializer=MSGPACK)
    with Raw(daemon.port) as deaf:
        deaf.shaken().call("later", serializer=MSGPACK)
        until(lambda: len(patient.asked) == 2)
        begun = monotonic()
        for _, reply in patient.asked:
            reply(bytes(8_000_000))
        assert monotonic() - begun < 3.9
        assert raw.answer() == bytes(8_000_000)
        until(lambda: daemon.connections == 1)  # who reads nothing loses the connection
    raw.call("at_once", "next")
    assert raw.answer() == "next"
