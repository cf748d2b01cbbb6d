"""Every argument check of the remote interface, by its edge."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.errors import InvalidRequest
from kvrmi.operations.interface import OPERATIONS, Operation, check, check_request
from kvrmi.operations.table import KEY_VALUE

MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    ("name", "args", "checked", "reads"),
    [
        ("put", ("k", "v"), ("k", "v"), False),
        ("put", ("k", b""), ("k", b""), False),
        ("put", ("k", {"data": "aGk=", "encoding": "base64"}), ("k", b"hi"), False),
        ("put", ("k" * 1024, "v" * MEGABYTE), ("k" * 1024, "v" * MEGABYTE), False),
        ("put", ("a\0b", "\0"), ("a\0b", "\0"), False),
        ("get", ("k",), ("k",), True),
        ("delete", ("k",), ("k",), False),
        ("contains", ("k",), ("k",), True),
        ("size", (), (), True),
        ("put_many", ((("a", "1"), ["b", b"2"]),), ([["a", "1"], ["b", b"2"]],), False),
        ("put_many", ([],), ([],), False),
        ("put_many", ([["k", "v" * MEGABYTE]],), ([["k", "v" * MEGABYTE]],), False),
        ("get_many", (("a", "b"),), (["a", "b"],), True),
        ("cas", ("k", None, "v"), ("k", None, "v"), False),
        ("cas", ("k", b"1", "v"), ("k", b"1", "v"), False),
        ("scan", (), ("", None, 1000), True),
        ("scan", ("p", "s", 1), ("p", "s", 1), True),
        ("scan", ("", ""), ("", "", 1000), True),
    ],
)
def test_accepts(
    name: str, args: Sequence[object], checked: tuple[object, ...], reads: bool
) -> None:
    assert check(name, args) == Operation(KEY_VALUE.by_name[name], checked, "linearizable")
    assert check(name, args).reads is reads


def test_consistency() -> None:
    assert check("get", ("k", "local")).consistency == "local"
    assert check("get", ("k", "local")).args == ("k",)


@pytest.mark.parametrize(
    ("name", "args", "why"),
    [
        ("put", ("", "v"), "must not be empty"),
        ("put", (5, "v"), "must be a str, not int"),
        ("put", (b"k", "v"), "must be a str, not bytes"),
        ("put", ("k" * 1025, "v"), "over 1024 bytes"),
        ("put", ("é" * 513, "v"), "over 1024 bytes"),
        ("put", ("\ud800", "v"), "lone surrogate"),
        ("put", ("k", "\udfff"), "lone surrogate"),
        ("put", ("k", None), "not NoneType"),
        ("put", ("k", True), "not bool"),
        ("put", ("k", 1), "not int"),
        ("put", ("k", ["v"]), "not list"),
        ("put", ("k", {"data": "aGk="}), "not dict"),
        ("put", ("k", {"data": "a", "encoding": "base64"}), "claims to be base64"),
        ("put", ("k", {"data": "é", "encoding": "base64"}), "claims to be base64"),
        ("put", ("k", {"data": b"aGk=", "encoding": "base64"}), "not dict"),
        ("put", ("k", "v" * (MEGABYTE + 1)), "over 1048576 bytes"),
        ("put", ("k", "é" * (MEGABYTE // 2 + 1)), "over 1048576 bytes"),
        ("put", ("k",), "with 1 arguments"),
        ("put", ("k", "v", "w"), "with 3 arguments"),
        ("get", ("k", "eventual"), "consistency must be"),
        ("get", ("k", None), "consistency must be"),
        ("get", ("k", ["local"]), "consistency must be"),
        ("cas", ("k", 1, "v"), "not int"),
        ("cas", ("k", "v", None), "not NoneType"),
        ("put_many", ("ab",), "must be a list"),
        ("put_many", ({"a": "b"},), "must be a list"),
        ("put_many", ([["a"]],), "list of"),
        ("put_many", (["ab"],), "list of"),
        ("put_many", ([["a", "v" * MEGABYTE], ["b", ""]],), "in all"),
        ("put_many", ([["a", ""]] * 50_001,), "over 50000"),
        ("get_many", ("ab",), "must be a list"),
        ("get_many", ([1],), "must be a str"),
        ("get_many", (["k" * 1024] * 1025,), "in all"),
        ("scan", (None,), "prefix must be a str"),
        ("scan", ("", 5), "start must be a str"),
        ("scan", ("", None, 0), "limit"),
        ("scan", ("", None, 1001), "limit"),
        ("scan", ("", None, True), "limit"),
        ("scan", ("", None, "5"), "limit"),
        ("drop", (), "no operation 'drop'"),
        ("__class__", (), "no operation"),
        (["put"], ("k", "v"), "no operation a list"),
    ],
)
def test_refuses(name: str, args: Sequence[object], why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as refusal:
        check(name, args)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    "request_id", [("c", 1), ["c", 5], ["é" * 32, (1 << 63) - 1], ("c" * 64, 1)]
)
def test_accepts_request_ids(request_id: Sequence[object]) -> None:
    assert check_request(request_id) == tuple(request_id)


def test_a_request_id_may_be_missing() -> None:
    assert check_request(None) is None


@pytest.mark.parametrize(
    "request_id",
    [
        "c1", 5, [], ["c"], ["c", 1, 2], ["", 1], [b"c", 1], ["c", 0], ["c", -1], ["c", True],
        ["c", "1"], ["c", 1.0], ["c", 1 << 63], ["c" * 65, 1], ["é" * 33, 1], ["\ud800", 1],
        {"c": 1},
    ],
)  # fmt: skip
def test_refuses_request_ids(request_id: object) -> None:
    with pytest.raises(InvalidRequest, match="id"):
        check_request(request_id)


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(OPERATIONS) | st.text(), st.lists(_anything, max_size=4), _anything)
def test_refuses_only_by_invalid_request(name: str, args: list[object], request_id: object) -> None:
    for attempt in (lambda: check(name, args), lambda: check_request(request_id)):
        try:
            attempt()
        except InvalidRequest:
            continue


words = st.one_of(
    st.sampled_from(["", "a", "k" * 1024, "k" * 1025, "é", "\ud800", "x" * 600_000]),
    st.sampled_from([b"", b"b", None, 3]),
)


@given(st.lists(st.one_of(st.tuples(words, words), st.tuples(words)), max_size=4))
def test_pairs_that_are_seen_to_fit_at_once_are_judged_as_the_others(
    pairs: list[tuple[object, ...]],
) -> None:
    """Lists are looked at one by one, tuples first all together."""

    def judged(given: list[Sequence[object]]) -> object:
        try:
            (checked,) = check("put_many", (given,)).args
        except InvalidRequest as error:
            return str(error)
        return [tuple(pair) for pair in checked]  # type: ignore[attr-defined]

    assert judged([*pairs]) == judged([list(pair) for pair in pairs])


def test_the_form_that_bytes_have_in_serpent_is_called_bytes() -> None:
    with pytest.raises(InvalidRequest, match="the key must be a str, not bytes"):
        check("put", ({"data": "eA==", "encoding": "base64"}, "v"))
