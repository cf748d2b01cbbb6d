"""The format: what is written can be read, and nothing else can."""

from __future__ import annotations

import io
import json
import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.checker.history import (
    FAIL,
    OK,
    UNKNOWN,
    BadHistory,
    Operation,
    read,
    write_header,
    write_line,
)

from .histories import worked

HEADER = '{"format": "kvrmi-history", "version": 1}'
LINE: dict[str, Any] = {
    "client": "c", "op": "get", "args": ["k"], "call": 1, "return": 2.5, "outcome": "ok",
    "value": "v", "revision": 3, "replica": 1,
}  # fmt: skip


def lines_of(history: list[Operation]) -> list[str]:
    stream = io.StringIO()
    write_header(stream)
    for operation in history:
        write_line(stream, operation)
    return stream.getvalue().splitlines()


def test_round_trip() -> None:
    history = worked(random.Random(1), 300, unknown=0.2)
    assert {op.outcome for op in history} == {OK, FAIL, UNKNOWN}
    assert list(read(lines_of(history))) == history


@given(st.binary(), st.text(st.characters(codec="utf-8")), st.text(min_size=1))
def test_any_value_and_key_round_trips(data: bytes, text: str, key: str) -> None:
    history = [
        Operation("c", "put_many", (((key, data), (key, text)),), 0.0, 1.0, OK, None, 4, 2),
        Operation("c", "get_many", ((key, "x", "y"),), 1.0, 2.0, OK, (data, text, None)),
        Operation("c", "cas", (key, None, data), 2.5, math.inf, UNKNOWN),
    ]
    assert list(read(lines_of(history))) == history


def test_a_line_as_documented() -> None:
    (operation,) = read([HEADER, json.dumps({**LINE, "later": "ignored"})])
    assert operation == Operation("c", "get", ("k",), 1.0, 2.5, OK, "v", 3, 1)


def test_what_may_be_missing() -> None:
    short = {"client": "c", "op": "put", "args": ["k", "v"], "call": 1, "outcome": "unknown"}
    (operation,) = read([HEADER, json.dumps(short)])
    assert operation == Operation("c", "put", ("k", "v"), 1.0, math.inf, UNKNOWN)


BROKEN: list[dict[str, Any]] = [
    {"client": 1},
    {"op": "size"},
    {"op": None},
    {"args": "k"},
    {"args": []},
    {"args": [1]},
    {"args": ["k", "more"]},
    {"call": None},
    {"call": True},
    {"call": 10**400},
    {"call": 9},
    {"return": None},
    {"return": "2"},
    {"outcome": "good"},
    {"outcome": "unknown"},
    {"outcome": "fail"},
    {"value": 7},
    {"value": ["v"]},
    {"value": {"base64": "?"}},
    {"value": {"base64": "AAE=", "more": 1}},
    {"value": {"hex": "00"}},
    {"revision": -1},
    {"revision": 1.5},
    {"revision": True},
    {"replica": "1"},
    {"op": "put", "args": ["k", "v"]},
    {"op": "put", "args": ["k", None], "value": None},
    {"op": "delete", "value": None},
    {"op": "contains", "value": "yes"},
    {"op": "cas", "args": ["k", None, None], "value": True},
    {"op": "cas", "args": ["k", None, "v"], "value": 1},
    {"op": "get_many", "args": [["a", "b"]], "value": ["1"]},
    {"op": "get_many", "args": [["a"]], "value": "1"},
    {"op": "get_many", "args": ["a"], "value": ["1"]},
    {"op": "put_many", "args": [{"a": "1"}], "value": None},
    {"op": "put_many", "args": [[["a"]]], "value": None},
]


@pytest.mark.parametrize("change", BROKEN, ids=str)
def test_what_is_wrong_is_named_with_its_line(change: dict[str, Any]) -> None:
    lines = [HEADER, json.dumps(LINE), json.dumps({**LINE, **change})]
    with pytest.raises(BadHistory, match=r"^line 3: \w"):
        list(read(lines))


@pytest.mark.parametrize(
    "lines", [[], [""], ["{}"], [json.dumps(LINE)], [HEADER.replace("1", "2")], ["[" * 100_000]]
)
def test_no_header(lines: list[str]) -> None:
    with pytest.raises(BadHistory, match=r"^line 1: "):
        list(read(lines))


@pytest.mark.parametrize(
    "line", ["", "null", "[]", "{", '{"call": NaN}', "[" * 100_000, "1" * 9000]
)
def test_junk_lines(line: str) -> None:
    with pytest.raises(BadHistory, match=r"^line 2: "):
        list(read([HEADER, line]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(LINE)), JSON, st.sampled_from(["get", "put", "cas", "get_many"]))
def test_any_field_may_hold_anything(field: str, junk: Any, op: str) -> None:
    line = json.dumps({**LINE, "op": op, field: junk})
    try:
        (operation,) = read([HEADER, line])
    except BadHistory:
        return
    assert list(read(lines_of([operation]))) == [operation]


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(BadHistory):
        list(read([HEADER, text]))
