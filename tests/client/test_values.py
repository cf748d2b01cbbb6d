"""How long values are cut."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from client.values import cut
from kvrmi.columns import width


def test_what_fits_is_not_cut() -> None:
    assert cut("a b", 5) == '"a b"'
    assert cut(b"x", 4) == 'b"x"'


def test_the_middle_is_cut_and_the_size_is_given() -> None:
    assert cut("a" * 500 + "z" * 500, 60) == f"{'a' * 28} .. {'z' * 14} (1,000 bytes)"
    assert cut(b"\0" * 1_048_576, 60).endswith(r'\x00" (1,048,576 bytes)')
    assert cut("é" * 300, 60).endswith("é (600 bytes)")


@given(st.text() | st.binary(), st.integers(40, 90))
@example("\U000e0001" * 9, 40)
@example("\U000e0001" * 999, 40)
def test_it_fits(value: str | bytes, columns: int) -> None:
    shown = cut(value, columns)
    assert width(shown) <= columns
    assert shown.isprintable()


@pytest.mark.parametrize("char", ["x", "\0", "漢", "\u0301", "\U000e0001"])
def test_the_largest_value_takes_milliseconds(char: str) -> None:
    began = time.process_time()
    assert width(cut(char * (1 << 20))) <= 500
    assert time.process_time() - began < 5.0
