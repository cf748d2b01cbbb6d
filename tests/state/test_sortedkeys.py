"""The order of keys against a sorted list."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from kvrmi.state.sortedkeys import SortedKeys

keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)


def check(order: SortedKeys, model: set[str], probes: list[str]) -> None:
    ordered = sorted(model)
    for probe in probes:
        assert list(order.since(probe)) == [key for key in ordered if key >= probe]
        assert list(order.after(probe)) == [key for key in ordered if key > probe]


@given(built=st.sets(keys), changes=st.lists(keys), probes=st.lists(keys, max_size=4))
def test_agrees_with_a_sorted_list(built: set[str], changes: list[str], probes: list[str]) -> None:
    order, model = SortedKeys(sorted(built)), set(built)
    for key in changes:
        if key in model:
            order.remove(key)
            model.remove(key)
        else:
            order.add(key)
            model.add(key)
    check(order, model, ["", *probes, *sorted(model)[:3]])


def test_many_keys_across_blocks() -> None:
    rng = random.Random(1)
    order, model = SortedKeys(), set[str]()
    for _ in range(12_000):
        key = str(rng.randrange(8_000))
        if key in model and rng.random() < 0.4:
            order.remove(key)
            model.remove(key)
        elif key not in model:
            order.add(key)
            model.add(key)
    check(order, model, ["", "5", "9999", rng.choice(sorted(model))])
    for key in rng.sample(sorted(model), len(model)):
        order.remove(key)
    assert list(order.since("")) == []


def test_ascending_and_descending_inserts() -> None:
    names = [f"{number:06d}" for number in range(3000)]
    for sequence in (names, names[::-1]):
        order = SortedKeys()
        for name in sequence:
            order.add(name)
        assert list(order.after("")) == names
