"""The admin object refuses what it cannot do before it does anything."""

from __future__ import annotations

from typing import Any

import pytest

from kvrmi.cluster.cuts import Cuts
from server.admin import Admin


class Replica:
    """As much of a replica as refusals need."""

    def __init__(self) -> None:
        self.me = 1
        self.faults = Cuts()
        self.failed: list[tuple[str, str, float | None]] = []
        self.cluster = type("Cluster", (), {"ids": (1, 2, 3)})()

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
        ("fail_role", ("front",)),
        ("fail_role", (1,)),
        ("fail_role", ("acceptor", -1)),
        ("fail_role", ("acceptor", "soon")),
        ("fail_role", ("acceptor", float("nan"))),
        ("restart_role", ("",)),
        ("cut", (1, 4)),
        ("cut", ("1", 2)),
        ("cut", (2, 2)),
        ("heal", (4, 1)),
        ("heal", ("1",)),
        ("restore", (9,)),
        ("transfer", (None,)),
    ],
)
def test_refusals(method: str, arguments: tuple[object, ...]) -> None:
    subject, replica, _ = admin()
    with pytest.raises(ValueError, match=r"^INVALID: "):
        getattr(subject, method)(*arguments)
    assert replica.failed == []
    assert replica.faults.cuts() == []


def test_seconds_are_refused_in_words_that_an_operator_knows() -> None:
    with pytest.raises(ValueError, match="the seconds until a role is back are a number"):
        admin()[0].fail_role("acceptor", -3)


def test_what_is_asked_is_done() -> None:
    subject, replica, stops = admin()
    assert subject.fail_role("acceptor", 1.5)
    assert replica.failed == [("acceptor", "failed on purpose", 1.5)]
    assert subject.cut(1, 2)
    assert not subject.cut(1, 2)
    assert subject.cut(3, 1)
    assert replica.faults.cuts() == [(1, 2), (3, 1)]
    assert subject.heal(1, 2) == [[1, 2]]
    assert subject.heal() == [[3, 1]]
    assert replica.faults.cuts() == []
    subject.stop()
    assert stops == ["stop"]


def test_cuts_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    subject, _, _ = admin()
    subject.cut(1, 2)
    subject.cut(1, 2)
    subject.heal()
    subject.heal()
    assert [one.getMessage() for one in caplog.records] == ["CUT from=1 to=2", "HEALED from=1 to=2"]
