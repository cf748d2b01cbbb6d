"""Orders go through the prompt's grammar and Admin, and what loses the quorum is asked first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from typing import Any

import pytest

from client.admin import Done
from client.live.orders import Asks, Carried, Orders, Outcome
from kvrmi.errors import ConnectionFailed

TIMEOUT = 40.0


class FakeAdmin:
    """Takes orders; killing replica 3 would lose the quorum."""

    def __init__(self) -> None:
        self.given: list[tuple[str, tuple[object, ...]]] = []

    def losing(self, name: str, args: Sequence[object]) -> str | None:
        return "killing replica 3 would lose it" if (name, args[0]) == ("kill", 3) else None

    def order(self, name: str, args: Sequence[object]) -> Done:
        if name == "stop":
            raise ConnectionFailed("the coordinator does not answer; nothing was done")
        self.given.append((name, tuple(args)))
        return Done(f"{name} was done", {})


@pytest.fixture
def admin() -> FakeAdmin:
    return FakeAdmin()


@pytest.fixture
def outcomes() -> SimpleQueue[Outcome]:
    return SimpleQueue()


@pytest.fixture
def orders(admin: FakeAdmin, outcomes: SimpleQueue[Outcome]) -> Orders:
    @contextlib.contextmanager
    def opened() -> Iterator[Any]:
        yield admin

    return Orders(opened, outcomes.put)


def test_orders_are_carried_out_one_after_the_other(
    orders: Orders, admin: FakeAdmin, outcomes: SimpleQueue[Outcome]
) -> None:
    for line in ("KILL 2", "FAIL 1 acceptor", "HEAL", "CUT 1 2"):
        orders.give(line)
    found = [outcomes.get(timeout=TIMEOUT) for _ in range(4)]
    assert found[0] == Carried("KILL 2", "kill was done", True)
    assert admin.given == [
        ("kill", (2, None, None, False)),
        ("fail", (1, "acceptor", None, False)),
        ("heal", ()),
        ("cut", (1, 2, False)),
    ]


def test_what_would_lose_the_quorum_is_asked_and_then_forced(
    orders: Orders, admin: FakeAdmin, outcomes: SimpleQueue[Outcome]
) -> None:
    orders.give("KILL 3")
    assert outcomes.get(timeout=TIMEOUT) == Asks("KILL 3", "killing replica 3 would lose it")
    assert admin.given == []
    orders.give("KILL 3", agreed=True)
    assert outcomes.get(timeout=TIMEOUT) == Carried("KILL 3", "kill was done", True)
    assert admin.given == [("kill", (3, None, None, True))]


def test_a_refusal_is_said_and_the_next_order_is_carried_out(
    orders: Orders, outcomes: SimpleQueue[Outcome]
) -> None:
    orders.give("STOP 2")
    orders.give("KILL 2")
    refused = outcomes.get(timeout=TIMEOUT)
    assert isinstance(refused, Carried)
    assert not refused.ok
    assert refused.text.startswith("UNAVAILABLE: the coordinator does not answer")
    assert outcomes.get(timeout=TIMEOUT) == Carried("KILL 2", "kill was done", True)
