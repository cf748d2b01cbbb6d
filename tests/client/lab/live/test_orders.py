"""Orders from pages: what two of them would lose together is asked about, too."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import MagicMock

import pytest

from client.lab.live import orders
from client.lab.live.orders import Asked, give

UP = {"state": "up", "incarnation": 1}


class Killing:
    """A cluster of three in which to kill takes until it may; for Admin."""

    def __init__(self) -> None:
        self.begun, self.may = threading.Event(), threading.Event()
        self.left = [1, 2, 3]

    def status(self) -> dict[str, Any]:
        needs = {"votes": 2, "leader": True}
        about: dict[str, Any] = {
            "state": "up",
            "voter": "acceptor",
            "roles": {"acceptor": UP},
            "needs": needs,
        }
        about |= {"role": "leader", "ballot": [1, 1]}
        return {"replicas": [{"id": one, **about} for one in self.left], "quorum": 2}

    def order(self, name: str, args: Any) -> Any:
        self.begun.set()
        assert self.may.wait(10)
        self.left.remove(args[0])
        return MagicMock(text=f"{name} {args[0]}")


class Door:
    """A lock that shows when somebody waits for it."""

    def __init__(self) -> None:
        self.lock, self.waits = threading.Lock(), threading.Event()

    def __enter__(self) -> None:
        if self.lock.locked():
            self.waits.set()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def test_what_two_orders_lose_that_come_at_once_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, door = Killing(), Door()
    monkeypatch.setattr(orders, "Admin", lambda *_: cluster)
    came: dict[int, Any] = {}

    def kill(replica: int) -> None:
        came[replica] = give(MagicMock(), door, Asked([f"KILL {replica}"]))

    first, second = (threading.Thread(target=kill, args=(one,)) for one in (3, 2))
    first.start()
    assert cluster.begun.wait(10)
    second.start()
    assert door.waits.wait(10)
    cluster.may.set()
    first.join(10)
    second.join(10)
    assert came[3] == {"said": ["kill 3"]}
    assert "would lose the majority" in came[2]["asks"]
    assert cluster.left == [1, 2]
