"""What strangers send: trees of plain data, bytes of any kind, and what was once valid."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FUZZ = settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
"""The same examples each time: what fails, fails again."""

_HUGE = st.sampled_from([1 << 63, 1 << 64, -(1 << 70), 10**400])
_ODD = st.sampled_from(["", "\0", "\ud800", "é" * 600, "x" * 2000, "None", "__class__", "'", "\\"])
_NUMBERS = st.integers() | _HUGE | st.floats() | st.sampled_from([math.nan, math.inf, -0.0])
LEAVES = st.none() | st.booleans() | _NUMBERS | _ODD | st.text(max_size=8) | st.binary(max_size=8)
_CLASSES = st.sampled_from(
    [
        {"__class__": "Pyro5.client.Proxy", "state": ["PYRO:x@127.0.0.1:1"]},
        {"__class__": "Pyro5.core.URI", "state": ["PYRO", "x", None, "127.0.0.1", 1]},
        {"data": "AAAA", "encoding": "base64"},
        {"data": "A", "encoding": "base64"},
        {"data": "é", "encoding": "base64"},
        {"data": 1, "encoding": "base64"},
    ]
)


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(_ODD | st.text(max_size=4), inner, max_size=3)
        | st.sets(st.text(max_size=3), max_size=3)
    )


TREES: st.SearchStrategy[Any] = st.recursive(LEAVES | _CLASSES, _around, max_leaves=8)


@st.composite
def mutated(draw: st.DrawFn, valid: st.SearchStrategy[bytes]) -> bytes:
    """Draw valid bytes and damage them: bytes changed, cut out, doubled, or put in."""
    data = bytearray(draw(valid))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        till = draw(st.integers(at, min(len(data), at + 8)))
        piece = draw(st.binary(max_size=6) | st.just(bytes(data[at:till]) * 2))
        data[at:till] = piece
    return bytes(data)


def bytes_like(valid: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Anything, or what was once valid."""
    return st.binary(max_size=80) | mutated(valid)
