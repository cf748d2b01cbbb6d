"""The admin object refuses what it cannot do before it does anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kvrmi.cluster.cuts import Cuts
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.events import Observer
from kvrmi.paxos.messages import Prepare, Promise
from kvrmi.roles.contract import Address, Effects, Envelope
from server.admin import Admin
from server.engines.served import Actions
from server.journal import Journal
from tests.state.counter import COUNTING

ACTIONS = Actions(
    restore=lambda peer: {},
    transfer=lambda to: True,
    veto=lambda votes: pytest.fail("it was carried out"),
    enter=lambda view: pytest.fail("it was carried out"),
)


class Replica:
    """As much of a replica as refusals need."""

    def __init__(self) -> None:
        self.me = 1
        self.roles = {
            name: SimpleNamespace(incarnation=1) for name in ("proposer", "acceptor", "learner")
        }
        self.cuts = Cuts()
        self.journal = Journal(Observer, 1, 2, lambda: 7.5)
        self.failed: list[tuple[str, str, float | None]] = []
        self.cluster = type("Cluster", (), {"ids": (1, 2, 3)})()
        self.linked = True
        self.engine: Any = SimpleNamespace(name="stub", actions=ACTIONS)

    def fail_role(self, role: str, reason: str, back_after: float | None) -> bool:
        self.failed.append((role, reason, back_after))
        return True


def admin() -> tuple[Admin, Replica, list[str]]:
    replica: Any = Replica()
    stops: list[str] = []
    return Admin(replica, lambda: stops.append("stop")), replica, stops


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("fail_role", (1,)),
        ("fail_role", ("acceptor", -1)),
        ("fail_role", ("acceptor", "soon")),
        ("fail_role", ("acceptor", float("nan"))),
        ("cut", (1, 4)),
        ("cut", ("1", 2)),
        ("cut", (2, 2)),
        ("slow", (2, 3, 0.1)),
        ("slow", (1, 1, 0.1)),
        ("slow", (2, 1, None)),
        ("slow", (2, 1, float("nan"))),
        ("slow", (2, 1, 1.5)),
        ("log", (0,)),
        ("log", ("1",)),
        ("log", (None, 501)),
        ("events", (-1,)),
        ("events", ("1",)),
        ("events", (0, 0)),
        ("events", (0, 10**9)),
        ("heal", (4, 1)),
        ("heal", ("1",)),
        ("restore", (9,)),
        ("restore", (1,)),
        ("reconnect", (3,)),
        ("reconnect", ([9],)),
        ("reconnect", ([1],)),
        ("pairs", (1,)),
        ("transfer", (None,)),
        ("veto", (-1,)),
        ("veto", (True,)),
        ("veto", ("1",)),
        ("veto", (10**9,)),
        ("enter", (2, [])),
        ("enter", (2, "1")),
        ("enter", (2, [[4, 1, ""]])),
    ],
)
def test_refusals(method: str, arguments: tuple[object, ...]) -> None:
    subject, replica, _ = admin()
    with pytest.raises(ValueError, match=r"^INVALID: "):
        getattr(subject, method)(*arguments)
    assert replica.failed == []
    assert replica.cuts.pairs() == []
    assert replica.cuts.delays() == []


@pytest.mark.parametrize("method", ["fail_role", "restart_role"])
@pytest.mark.parametrize("role", ["front", "participant", ""])
def test_a_role_that_the_engine_has_not_is_unsupported(method: str, role: str) -> None:
    subject, replica, _ = admin()
    lacks = f"^UNSUPPORTED: engine stub has no role '{role}', only .*acceptor.*; nothing was done"
    with pytest.raises(RuntimeError, match=lacks):
        getattr(subject, method)(role)
    assert replica.failed == []


def test_the_pairs_of_a_machine_without_a_scan_cannot_be_listed() -> None:
    subject, replica, _ = admin()
    stub: Any = replica
    stub.intake = SimpleNamespace(vocabulary=COUNTING)
    with pytest.raises(RuntimeError, match=r"^UNSUPPORTED: .* has no scan; nothing was done"):
        subject.pairs()


def test_seconds_are_refused_in_words_that_an_operator_knows() -> None:
    with pytest.raises(ValueError, match="the seconds until a role is back are a number"):
        admin()[0].fail_role("acceptor", -3)


def test_a_role_that_never_started_cannot_fail() -> None:
    """It would come up a moment later, and the order be forgotten."""
    subject, replica, _ = admin()
    replica.roles["acceptor"].incarnation = 0
    with pytest.raises(RuntimeError, match=r"^UNAVAILABLE: acceptor is starting; nothing was done"):
        subject.fail_role("acceptor")
    assert replica.failed == []


def test_what_is_asked_is_done() -> None:
    subject, replica, _ = admin()
    assert subject.fail_role("acceptor", 1.5)
    assert replica.failed == [("acceptor", "failed on purpose", 1.5)]
    assert subject.cut(1, 2)
    assert not subject.cut(1, 2)
    assert subject.cut(3, 1)
    assert replica.cuts.pairs() == [(1, 2), (3, 1)]
    assert subject.heal(1, 2) == [[1, 2]]
    assert subject.heal() == [[3, 1]]
    assert replica.cuts.pairs() == []
    subject.slow(2, 1, 0.1)
    assert replica.cuts.delays() == [(2, 1, 0.1)]
    subject.heal()
    assert replica.cuts.delays() == []


def test_a_process_ends_once_that_was_answered() -> None:
    """Else the process may be gone before, and whoever asked does not know what became of it."""
    subject, _, stops = admin()
    subject.after_answer()
    subject.stop()
    assert stops == []
    subject.after_answer()
    assert stops == ["stop"]


def test_cuts_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    subject, _, _ = admin()
    subject.cut(1, 2)
    subject.cut(1, 2)
    subject.heal()
    subject.heal()
    assert [one.getMessage() for one in caplog.records] == ["CUT from=1 to=2", "HEALED from=1 to=2"]


def test_events_are_read_from_a_cursor() -> None:
    subject, replica, _ = admin()
    subject.cut(1, 2)
    prepare = Prepare(Ballot(3, 2), 41, 0)
    promise = Effects(
        messages=(Envelope(Address(2, "proposer"), Promise(prepare.ballot, 1, 1, 41, (), 0, 0)),)
    )
    replica.journal.of("acceptor").step(Address(2, "proposer"), prepare, promise)
    first: Any = subject.events(0, 1)
    assert (first["next"], first["missed"], len(first["events"])) == (1, 0, 1)
    rest: Any = subject.events(first["next"])
    assert rest["events"] == [
        {
            "time": 7.5,
            "role": "acceptor",
            "event": "promise",
            "slot": 41,
            "ballot": "3.2",
            "peer": 2,
            "request": 0,
            "text": "promise ballot=3.2 to=2 accepted=0",
            "urgent": False,
        }
    ]
    assert first["events"][0]["text"] == "CUT from=1 to=2"
    assert subject.events(rest["next"]) == {"next": 2, "missed": 0, "now": 7.5, "events": []}


def test_an_order_that_its_engine_does_not_have_is_unsupported_whatever_it_is_given() -> None:
    subject, replica, _ = admin()
    replica.engine = SimpleNamespace(name="stub", actions=Actions())
    with pytest.raises(RuntimeError, match=r"^UNSUPPORTED: engine stub has no veto"):
        subject.veto(-1)
    with pytest.raises(RuntimeError, match=r"^UNSUPPORTED: engine stub has no views"):
        subject.enter(None, None)


def test_what_is_no_view_is_refused_in_one_line() -> None:
    subject, replica, _ = admin()

    def refuses(view: object) -> None:
        raise ValueError("Expected `int`, got `str`")

    replica.engine = SimpleNamespace(name="stub", actions=Actions(enter=refuses))
    with pytest.raises(ValueError, match=r"^INVALID: that is no view: Expected `int`"):
        subject.enter("two", [[1, 1, ""]])
