"""Draws must be the same on every machine and with every Python: these were made once and kept."""

from __future__ import annotations

from kvrmi.sim.draws import Draws


def test_the_draws_of_a_seed_never_change() -> None:
    draws = Draws(7, "faults")
    assert [draws.below(1000) for _ in range(6)] == [899, 748, 787, 584, 429, 62]
    assert draws.bytes(4).hex() == "1be580bd"
    assert draws.sample("abcdef", 3) == ["c", "f", "d"]
    assert draws.choice("abc") == "b"
    assert draws.soon(1.0) == 0.18307041572032645
    assert draws.between(2, 3) == 2.369804293237236
    assert draws.stream().uniform(1, 2) == 1.7728779866260054


def test_streams_of_other_names_draw_otherwise() -> None:
    draws = {Draws(*names).number() for names in ((7, "faults"), (8, "faults"), (7, "network"))}
    assert len(draws) == 3


def test_a_sample_has_no_item_twice_and_may_be_all() -> None:
    draws = Draws("sample")
    assert sorted(draws.sample(range(5), 5)) == [0, 1, 2, 3, 4]
    assert draws.sample(range(5), 0) == []
