"""A batch waits for those who were just answered, as long as that pays."""

from __future__ import annotations

from itertools import pairwise

from kvrmi.paxos.gathering import HOLD, Gathering


def answered(gathering: Gathering, size: int, waiting: int) -> None:
    """A batch of so many left and was answered, while so many waited."""
    gathering.left(size)
    gathering.free(waiting)


def test_one_client_never_waits() -> None:
    gathering = Gathering()
    for now in range(3):
        assert gathering.held_until(now, 1) == 0
        answered(gathering, 1, 0)


def test_those_that_wait_leave_when_all_are_back_or_time_is_up() -> None:
    gathering = Gathering()
    answered(gathering, 3, 2)
    assert gathering.held_until(7.0, 2) == 7.0 + HOLD
    assert gathering.held_until(7.0 + HOLD / 2, 4) == 7.0 + HOLD
    assert gathering.held_until(7.0 + HOLD / 2, 5) == 0
    assert gathering.held_until(7.0 + HOLD, 4) == 0


def test_the_time_begins_when_somebody_waits() -> None:
    gathering = Gathering()
    answered(gathering, 2, 0)
    assert gathering.held_until(9.0, 1) == 9.0 + HOLD


def held_in_a_row(gathering: Gathering, batches: int) -> list[bool]:
    """Of batches of one, after each of which another waits and nobody comes back: which waited."""
    held = []
    for now in range(batches):
        held.append(bool(gathering.held_until(now, 1)))
        gathering.held_until(now + HOLD, 1)
        answered(gathering, 1, 1)
    return held


def test_who_waits_in_vain_waits_less_and_less_often() -> None:
    held = held_in_a_row(Gathering(), 400)
    assert held[1]
    waits = [at for at, one in enumerate(held) if one]
    gaps = [after - before for before, after in pairwise(waits)]
    assert gaps == sorted(gaps)
    assert gaps[-1] >= 64


def test_what_pays_is_done_each_time() -> None:
    gathering = Gathering()
    held_in_a_row(gathering, 8)
    while not gathering.held_until(0.0, 1):
        answered(gathering, 1, 1)
    for _ in range(3):
        assert gathering.held_until(0.0, 1)
        assert not gathering.held_until(0.0, 2)
        answered(gathering, 2, 0)
