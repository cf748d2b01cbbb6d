"""Orders where no coordinator is: a replica ends itself, and nobody starts it."""

from __future__ import annotations

from typing import Any

import pytest

from client import byhand
from kvrmi.errors import ConnectionFailed, InvalidRequest, NoQuorum


class Admins:
    """Three replicas, of which some are down."""

    def __init__(self, *down: int) -> None:
        self.ids = (1, 2, 3)
        self.down = down
        self.ended: list[tuple[int, str]] = []

    def replica(self, replica: int, method: str, *args: object) -> Any:
        if replica in self.down:
            raise ConnectionFailed(f"replica {replica} does not answer")
        if method == "status":
            return {"id": replica, "state": "up"}
        self.ended.append((replica, method))
        return None


@pytest.mark.parametrize("method", ["kill", "stop"])
def test_a_replica_ends_itself(method: str) -> None:
    admins: Any = Admins()
    assert "until somebody starts it again by hand" in byhand.end(admins, method, 2, False)
    assert admins.ended == [(2, method)]


def test_the_majority_is_kept_unless_it_is_forced() -> None:
    admins: Any = Admins(1)
    with pytest.raises(NoQuorum, match="killing replica 2 would lose the majority of 2; nothing"):
        byhand.end(admins, "kill", 2, False)
    assert admins.ended == []
    byhand.end(admins, "kill", 2, True)
    assert admins.ended == [(2, "kill")]


def test_one_that_is_down_is_named() -> None:
    admins: Any = Admins(3)
    with pytest.raises(ConnectionFailed, match="replica 3 does not answer"):
        byhand.end(admins, "kill", 3, False)


def test_nobody_starts_a_process() -> None:
    admins: Any = Admins()
    for attempt in (lambda: byhand.start(2), lambda: byhand.end(admins, "restart", 2, True)):
        with pytest.raises(InvalidRequest, match=r"by hand where it ran, .* without --format"):
            attempt()
    assert admins.ended == []
