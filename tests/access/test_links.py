"""CUT and HEAL: at both ends or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from kvrmi.access import links
from kvrmi.cluster.cuts import Cuts
from kvrmi.errors import ConnectionFailed, InvalidRequest, UnknownOutcome


class Ends:
    """Three replicas' fault tables, reached as their admin objects are."""

    def __init__(self) -> None:
        self.ids = (1, 2, 3)
        self.tables = {replica: Cuts() for replica in self.ids}
        self.silent: set[int] = set()
        self.down: set[int] = set()
        self.calls_left = 1000

    def replica(self, replica: int, method: str, *args: Any) -> Any:
        self.calls_left -= 1
        if replica in self.down:
            raise ConnectionFailed(f"replica {replica}: refused") from ConnectionRefusedError()
        if replica in self.silent or self.calls_left < 0:
            raise ConnectionFailed(f"replica {replica} does not answer")
        table = self.tables[replica]
        if method == "status":
            return {"cuts": table.pairs(), "delays": table.delays()}
        return getattr(table, method)(*args)

    def cuts(self) -> dict[int, list[tuple[int, int]]]:
        return {replica: table.pairs() for replica, table in self.tables.items() if table.pairs()}


@pytest.fixture
def ends() -> Any:
    return Ends()


BOTH = [(1, 3), (3, 1)]


def test_a_cut_is_at_both_ends_and_healed_as_a_pair(ends: Any) -> None:
    links.cut(ends, 1, 3)
    links.cut(ends, 2, 1)
    assert ends.cuts() == {1: sorted([*BOTH, (1, 2), (2, 1)]), 2: [(1, 2), (2, 1)], 3: BOTH}
    assert links.heal(ends, (3, 1)) == BOTH
    assert ends.cuts() == {1: [(1, 2), (2, 1)], 2: [(1, 2), (2, 1)]}
    assert links.heal(ends, (3, 1)) == []
    assert links.heal(ends, None) == [(1, 2), (2, 1)]
    assert ends.cuts() == {}


def test_a_slow_link_is_healed_like_one_that_is_cut(ends: Any) -> None:
    ends.tables[3].slow(1, 3, 0.1)
    ends.tables[1].slow(3, 1, 0.1)
    ends.tables[2].slow(1, 2, 0.1)
    assert links.heal(ends, (1, 3)) == BOTH
    assert [table.delays() for table in ends.tables.values()] == [[], [(1, 2, 0.1)], []]
    assert links.heal(ends, None) == [(1, 2)]


@pytest.mark.parametrize("way", ["silent", "down"])
def test_a_cut_that_one_end_cannot_make_is_undone_at_the_other(ends: Any, way: str) -> None:
    ends.tables[1].cut(1, 3)
    getattr(ends, way).add(3)
    with pytest.raises(ConnectionFailed, match="nothing was cut"):
        links.cut(ends, 1, 3)
    assert ends.cuts() == {1: [(1, 3)]}, "what was cut before stays cut"


def test_a_cut_that_cannot_be_undone_is_reported(ends: Any) -> None:
    ends.calls_left = 3
    with pytest.raises(UnknownOutcome, match=r"replica 1 .* half of it is done: STATUS"):
        links.cut(ends, 1, 3)
    assert ends.cuts() == {1: BOTH, 3: [(1, 3)]}


def test_nothing_is_healed_while_one_that_runs_does_not_answer(ends: Any) -> None:
    links.cut(ends, 1, 3)
    ends.silent.add(2)
    with pytest.raises(ConnectionFailed, match="nothing was healed"):
        links.heal(ends, None)
    assert ends.cuts() == {1: BOTH, 3: BOTH}
    assert links.heal(ends, (1, 3)) == BOTH, "replica 2 is not concerned"


def test_a_heal_that_fails_halfway_is_undone(ends: Any) -> None:
    links.cut(ends, 1, 3)
    count = ends.calls_left
    links.heal(ends, (1, 3))
    needed = count - ends.calls_left
    links.cut(ends, 1, 3)

    def fail_at_the_last_end(replica: int, method: str, *args: Any) -> Any:
        if replica == 3 and method == "heal":
            raise ConnectionFailed("replica 3 does not answer")
        return Ends.replica(ends, replica, method, *args)

    ends.replica = fail_at_the_last_end
    with pytest.raises(ConnectionFailed, match="nothing was healed"):
        links.heal(ends, (1, 3))
    assert ends.cuts() == {1: BOTH, 3: BOTH}
    assert needed == 6


def test_a_replica_without_a_process_has_nothing_to_heal(ends: Any) -> None:
    links.cut(ends, 1, 3)
    ends.down.add(3)
    assert links.heal(ends, None) == BOTH
    assert 1 not in ends.cuts()


def test_a_replica_has_no_link_to_itself(ends: Any) -> None:
    with pytest.raises(InvalidRequest, match="no link to itself"):
        links.cut(ends, 2, 2)
    with pytest.raises(InvalidRequest, match="no link to itself"):
        links.heal(ends, (2, 2))


def test_cuts_in_words() -> None:
    assert links.named([*BOTH, (2, 1)]) == "1-3, 2>1"


def test_where_nobody_answers_nothing_is_healed(ends: Any) -> None:
    ends.down.update(ends.ids)
    with pytest.raises(ConnectionFailed, match="no replica answers; nothing was healed"):
        links.heal(ends, None)


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        ([(2, 1), (1, 2), (3, 1), (1, 3)], "partition {1} | {2,3}"),
        ([(1, 2), (2, 1)], "cut: 1-2"),
        ([(1, 3), (2, 3)], "3 is deaf: no message reaches it"),
        ([(3, 1), (3, 2)], "3 is mute: none of its messages arrives"),
        ([(1, 2), (2, 1), (1, 3)], "cut: 1-2, 1>3"),
        ([(a, b) for a in (1, 2, 3) for b in (1, 2, 3) if a != b], "partition {1} | {2} | {3}"),
    ],
)
def test_cuts_are_described_by_their_shape(pairs: list[tuple[int, int]], text: str) -> None:
    assert links.described(pairs, (1, 2, 3)) == text
