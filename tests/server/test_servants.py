"""What others can call: replicas get answers or nothing, clients values or the four builtins."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kvrmi.cluster.cuts import Cuts
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.messages import Behind, Fetch, Forward, Forwarded, Release, Released
from kvrmi.remote.identity import Caller
from kvrmi.remote.later import Later
from kvrmi.roles.codec import Codec
from kvrmi.roles.contract import Address, Effects, Envelope, Message
from server.intake import Intake
from server.kvstore import KVStore, kvstore
from server.servants import NOT_TAKEN, DeferredAnswers, RoleServant

from .stubs import ME, StubEngine, StubRole, answered, at_once
from .test_router import Wire, world

CODEC = Codec(PAXOS)

BALLOT = Ballot(1, 2)
PEER = Address(2, "proposer")
RELEASE = Release(BALLOT)
OTHER = Envelope(Address(3, "learner"), Release(BALLOT))


class Fixture:
    """A servant around a role that answers Released, and tells its learner and replica 3."""

    def __init__(self, caller: int = 2, role: str = "replica", daemon: str = "acceptor") -> None:
        def script(sender: Address, message: Message) -> Effects:
            to_learner = Envelope(Address(ME, "learner"), Behind(2, 1))
            return Effects(messages=(OTHER, Envelope(sender, Released(BALLOT)), to_learner))

        self.acceptor, self.learner = StubRole(script), StubRole()
        self.wire = Wire(takes=True)
        self.router, self.hosts = world(
            self.wire,
            acceptor=self.acceptor,
            learner=self.learner,
            proposer=StubRole(),
            front=StubRole(),
        )
        self.cuts = Cuts()
        self.servant = RoleServant(
            PAXOS,
            CODEC,
            daemon,
            self.hosts,
            self.router,
            self.cuts,
            lambda: Caller(caller, role),
            lambda: 0.0,
        )

    def ask(self, message: Message = RELEASE, sender: Address = PEER) -> bytes:
        answer = self.servant.receive(CODEC.encode(sender, message))
        assert isinstance(answer, bytes)
        return answer

    def ask_later(self, message: Message, sender: Address) -> list[object]:
        """Ask what is answered when the test says so; the answers as they come."""
        later = self.servant.receive(CODEC.encode(sender, message))
        assert isinstance(later, Later)
        answers: list[object] = []
        later.begin(answers.append)
        return answers


def test_a_request_gets_its_answer_and_the_rest_is_done_afterwards() -> None:
    fixture = Fixture()
    assert CODEC.decode(fixture.ask()) == (Address(ME, "acceptor"), Released(BALLOT))
    assert (fixture.learner.seen, fixture.wire.sent) == ([], [])
    fixture.servant.after_answer()
    assert [message for _, message in fixture.learner.seen] == [Behind(2, 1)]
    assert [Envelope(to, message) for _, _, to, message in fixture.wire.sent] == [OTHER]


def test_junk_gets_nothing_and_reaches_nobody() -> None:
    fixture = Fixture()
    junk: list[Any] = [b"", b"junk", b"\xc1" * 100, "text", None]
    for data in junk:
        assert fixture.servant.receive(data) == NOT_TAKEN
    assert fixture.acceptor.seen == []


def test_a_request_for_another_role_is_not_taken() -> None:
    fixture = Fixture()
    assert fixture.ask(Fetch(1)) == fixture.ask(Released(BALLOT)) == NOT_TAKEN
    assert fixture.acceptor.seen == []


def test_nobody_speaks_as_another() -> None:
    fixture = Fixture(caller=3)
    assert fixture.ask() == NOT_TAKEN
    assert Fixture(caller=ME).ask(sender=Address(ME, "proposer")) == NOT_TAKEN
    assert fixture.acceptor.seen == []


def test_only_replicas_speak() -> None:
    """The coordinator and clients know the secret as well."""
    fixture = Fixture(role="coordinator")
    assert fixture.ask() == NOT_TAKEN
    assert fixture.acceptor.seen == []


def test_a_role_that_is_down_takes_nothing() -> None:
    fixture = Fixture()
    fixture.hosts["acceptor"].fail("test")
    assert fixture.ask() == NOT_TAKEN


def test_cuts_hold_in_both_directions() -> None:
    fixture = Fixture()
    fixture.cuts.cut(2, ME)
    assert fixture.ask() == NOT_TAKEN
    assert fixture.acceptor.seen == []
    fixture.cuts.heal()
    fixture.cuts.cut(ME, 2)
    assert fixture.ask() == NOT_TAKEN
    assert len(fixture.acceptor.seen) == 1


def test_what_is_slow_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("server.servants.time", SimpleNamespace(sleep=slept.append))
    fixture = Fixture()
    fixture.cuts.slow(3, ME, 0.3)
    fixture.ask()
    assert slept == []
    fixture.cuts.slow(2, ME, 0.2)
    fixture.ask()
    assert (slept, len(fixture.acceptor.seen)) == ([0.2], 2)


def test_a_deferred_request_is_answered_by_its_role_when_the_answer_comes() -> None:
    """Through the daemon that its lane names, which is another role's."""
    fixture, front = Fixture(daemon="proposer"), Address(2, "front")

    def ask(number: int) -> list[object]:
        return fixture.ask_later(Forward(number, Ballot(1, 2), (), 1.0), front)

    def answer(number: int) -> None:
        envelope = Envelope(front, Forwarded(number, ()))
        fixture.router.send(Address(ME, "front"), 1, (envelope,))

    some, cut = ask(1), ask(2)
    assert some == cut == []
    answer(1)
    assert isinstance(some[0], bytes)
    assert CODEC.decode(some[0]) == (Address(ME, "front"), Forwarded(1, ()))
    fixture.cuts.cut(ME, 2)
    answer(2)
    assert cut == [NOT_TAKEN]
    fixture.cuts.heal()
    fixture.hosts["front"].fail("test")
    assert ask(3) == [NOT_TAKEN]


def test_deferred_answers_are_those_of_the_role() -> None:
    front = StubRole(lambda who, _: Effects(messages=(Envelope(who, Forwarded(1, ())),)))
    router, hosts = world(Wire(takes=True), front=front)
    deferred = DeferredAnswers(router, lambda: 0.0)
    answers: list[Message | None] = []
    asker = Address(2, "front")
    deferred.begin(hosts["front"], asker, Forward(1, BALLOT, (), 1.0), answers.append)
    assert answers == [Forwarded(1, ())]
    hosts["front"].fail("test")
    deferred.begin(hosts["front"], asker, Forward(2, BALLOT, (), 1.0), answers.append)
    assert answers == [Forwarded(1, ()), None]


def served(engine: StubEngine) -> KVStore:
    return kvstore(Intake(engine, at_once))


def test_methods_pass_checked_operations_on() -> None:
    engine = StubEngine()
    store = served(engine)
    assert answered(store.put("k", "v", ["me", 1])) == 7
    assert answered(store.get("k")) == 7
    assert answered(store.put_many([["a", "1"], ["b", b"2"]])) == 7
    operations = [(operation.name, operation.args, request) for operation, request in engine.asked]
    assert operations == [
        ("put", ("k", "v"), ("me", 1)),
        ("get", ("k",), None),
        ("put_many", ([["a", "1"], ["b", b"2"]],), None),
    ]


def test_call_tells_who_answered() -> None:
    answer = answered(served(StubEngine()).call("put", ["k", "v"]))
    assert answer == {"value": 7, "revision": 7, "replica": 1, "leader": None, "stale": False}


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("put", ("", "v")),
        ("put", ("k", None)),
        ("put", ("k",)),
        ("put", ("k", "v", None, "extra")),
        ("put", ("k", "v", ["me"])),
        ("get", ("k", "fresh")),
        ("size", ("k",)),
        ("call", ("nonsense", [])),
        ("call", (1, [])),
        ("call", ("put", "kv")),
        ("scan", ("", None, 0)),
    ],
)
def test_what_is_invalid_says_so_and_does_nothing(method: str, args: tuple[object, ...]) -> None:
    engine = StubEngine()
    with pytest.raises((ValueError, TypeError), match=r"^INVALID: "):
        answered(getattr(served(engine), method)(*args))
    assert engine.asked == []


@pytest.mark.parametrize(
    ("code", "error"),
    [("INVALID", ValueError), ("NO_QUORUM", RuntimeError), ("UNKNOWN_OUTCOME", TimeoutError)],
)
def test_refusals_arrive_as_builtins(code: str, error: type[Exception]) -> None:
    engine = StubEngine()
    engine.code, engine.value = code, 0
    with pytest.raises(error, match=rf"^{code}: "):
        answered(served(engine).put("k", "v"))
