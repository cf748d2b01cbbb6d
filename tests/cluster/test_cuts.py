"""The fault table: directed cuts that can be healed one by one or together."""

from __future__ import annotations

from kvrmi.cluster.cuts import Cuts


def test_everything_passes_at_first() -> None:
    table = Cuts()
    assert table.passes(1, 2)
    assert table.pairs() == []


def test_a_cut_has_a_direction() -> None:
    table = Cuts()
    table.cut(1, 2)
    assert not table.passes(1, 2)
    assert table.passes(2, 1)
    assert table.passes(1, 3)


def test_a_cut_made_twice_is_healed_once() -> None:
    table = Cuts()
    table.cut(1, 2)
    table.cut(1, 2)
    assert table.pairs() == [(1, 2)]
    table.heal(1, 2)
    assert table.passes(1, 2)


def test_heal_takes_none_for_any() -> None:
    table = Cuts()
    for sender, receiver in ((1, 2), (1, 3), (2, 3), (3, 1)):
        table.cut(sender, receiver)
    table.heal(sender=1)
    assert table.pairs() == [(2, 3), (3, 1)]
    table.heal(receiver=3)
    assert table.pairs() == [(3, 1)]
    table.heal()
    assert table.pairs() == []


def test_healing_what_is_whole_changes_nothing() -> None:
    table = Cuts()
    table.cut(1, 2)
    table.heal(2, 1)
    assert table.pairs() == [(1, 2)]


def test_a_delay_has_a_direction_and_is_healed_with_the_cuts() -> None:
    table = Cuts()
    assert table.delay(1, 2) == 0
    table.slow(1, 2, 0.1)
    table.slow(3, 2, 0.2)
    assert (table.delay(1, 2), table.delay(2, 1)) == (0.1, 0)
    assert table.delays() == [(1, 2, 0.1), (3, 2, 0.2)]
    assert table.heal(1, 2) == []
    assert table.delays() == [(3, 2, 0.2)]
    table.slow(3, 2, 0)
    assert table.delays() == []
