"""Patterns mean what they mean to `re`, or are refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameserver.pattern import Pattern

LETTERS = st.sampled_from(
    ["a", "b", "-", " ", r"\.", r"\|", r"\\", r"\$", ".", "[a]", "[a-b]", "[ab-z0-9]"]
)
BRANCHES = st.tuples(
    st.sampled_from(["", "^"]),
    st.lists(LETTERS, max_size=4).map("".join),
    st.sampled_from(["", ".*"]),
    st.sampled_from(["", "$"]),
).map("".join)
NAMES = st.text("ab.-|\\$ ", max_size=6)


@given(st.lists(BRANCHES, min_size=1, max_size=3).map("|".join), NAMES)
def test_a_plain_pattern_means_what_it_means_to_re(pattern: str, name: str) -> None:
    assert Pattern(pattern).matches(name) == bool(re.match(pattern, name))


@given(st.text(r"ab.*+?^$|\()[]{}d1", max_size=6), NAMES)
def test_any_pattern_means_that_or_is_refused(pattern: str, name: str) -> None:
    try:
        read = Pattern(pattern)
    except ValueError:
        return
    assert read.matches(name) == bool(re.match(pattern, name))


@pytest.mark.parametrize(
    "pattern",
    [
        "(a",
        "(a+)+$",
        "a*",
        "a+",
        "a?",
        "a{9}",
        "[a",
        "[]",
        "[^a]",
        "[b-a]",
        "[a-]",
        "[0-9]+",
        "[0-9]*",
        r"\d",
        r"\1",
        "a\\",
        ".*a",
        "..*?",
        "a$b",
        "a^",
    ],
)
def test_what_says_more_than_a_beginning_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="plain prefix"):
        Pattern(pattern)
