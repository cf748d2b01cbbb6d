"""Serialized data: what others wrote is read, what we write is read by others."""

from __future__ import annotations

import contextlib
import gc
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import Pyro5.core
import Pyro5.serializers
import pytest
import serpent
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.errors import InvalidRequest
from kvrmi.operations.interface import MANY_ITEMS, check
from kvrmi.remote.payload import (
    JSON,
    MSGPACK,
    SERPENT,
    Call,
    PayloadError,
    TooComplex,
    dump,
    dump_call,
    load,
    load_call,
)

TEXT = st.text(st.characters(codec=None), max_size=20)
TRICKY = st.sampled_from(["", "'", '"', "\\", "'\"", "\n", "\0", "€", "\ud800", "a'b\\'c", "# x"])
LEAVES = TEXT | TRICKY | st.integers() | st.booleans() | st.none() | st.binary(max_size=20)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(TEXT, inner, max_size=4)
    ),
    max_leaves=12,
)
BASE64 = {"data": "dg==", "encoding": "base64"}
NAMES = st.sampled_from(["get", "put", "kvrmi.replica1", "it's"]) | TEXT


def as_pyro(value: object) -> bytes:
    written: bytes = serpent.dumps(value, module_in_classname=True, bytes_repr=True)
    return written


@given(TREES)
def test_serpent_is_read_as_serpent_reads_it(value: object) -> None:
    data = as_pyro(value)
    assert load(SERPENT, data) == serpent.loads(data) == value


@given(TREES)
def test_serpent_reads_what_we_write(value: object) -> None:
    data = dump(SERPENT, value)
    assert serpent.loads(data) == value
    assert load(SERPENT, data) == value


@given(NAMES, NAMES, st.lists(TREES, max_size=3), st.dictionaries(TEXT, LEAVES, max_size=2))
def test_calls_are_read_as_written_by_pyro(
    target: str, method: str, args: list[Any], kwargs: dict[str, Any]
) -> None:
    call = Call(target, method, tuple(args), kwargs)
    assert load_call(SERPENT, as_pyro(tuple(call))) == call
    assert load_call(SERPENT, dump_call(SERPENT, call)) == call


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary())
def test_json_and_msgpack_come_back(text: str, data: bytes) -> None:
    for serializer in (JSON, MSGPACK):
        call = load_call(serializer, dump_call(serializer, Call(text, "m", (text, [1]), {})))
        assert (call.target, list(call.args), call.kwargs) == (text, [text, [1]], {})
    assert load(MSGPACK, dump(MSGPACK, data)) == data


@given(st.binary(max_size=60))
def test_anything_else_is_a_payload_error(data: bytes) -> None:
    for serializer in (SERPENT, JSON, MSGPACK, 2, 0, 255):
        for prefix in (b"", b"# serpent utf-8 python3.2\n", b"('a','b',("):
            with contextlib.suppress(PayloadError):
                load_call(serializer, prefix + data)


@pytest.mark.parametrize(
    "text",
    ["1j", "1+2j", "...", "{1,2}", "{1:2}", "{(1,):2}", "set()", "f'{1}'", "-'a'", "+1", "~1",
     "[*[1]]", "{**{}}", "x", "(yield)", "1 if 1 else 2", "b'a' 'b'", "{b'a': 1}", ""],
)  # fmt: skip
def test_only_plain_literals_are_read(text: str) -> None:
    with pytest.raises(PayloadError):
        load(SERPENT, text.encode())


def test_floats_and_sets_of_text_are_read() -> None:
    assert load(SERPENT, as_pyro({"a", "b"})) == {"a", "b"}
    assert load(SERPENT, as_pyro([1.5, -2, -2.5])) == [1.5, -2, -2.5]
    assert load(SERPENT, b" \t# serpent utf-8 python3.2\n1e30000") == math.inf


@pytest.mark.parametrize(
    ("serializer", "value"), [(SERPENT, BASE64), (SERPENT, "v"), (JSON, BASE64), (MSGPACK, b"v")]
)
def test_the_limit_of_pairs_is_the_stores_in_every_form(serializer: int, value: object) -> None:
    """One number for all: what the store takes, no serializer refuses."""
    pairs = [[f"k{number}", value] for number in range(MANY_ITEMS)]
    call = load_call(serializer, dump_call(serializer, Call("o", "put_many", (pairs,), {})))
    assert check("put_many", call.args).name == "put_many"
    call.args[0].append(["one", "more"])
    with pytest.raises(InvalidRequest, match=f"pairs are over {MANY_ITEMS}; send fewer"):
        check("put_many", call.args)


def test_a_large_text_is_no_problem_whatever_is_in_it() -> None:
    for unit in (",", "'", '"', "\\", "#", "\n", "'''"):
        value = unit * ((1 << 20) // len(unit))
        assert load(SERPENT, as_pyro(value)) == value


def test_too_many_items_are_invalid_in_the_words_of_an_answer() -> None:
    with pytest.raises(TooComplex, match=r"^INVALID: "):
        load(SERPENT, b"[" + b"0," * 800_000 + b"]")


class Pair(NamedTuple):
    one: int
    other: float


def test_what_is_no_plain_tree_is_written_by_serpent() -> None:
    assert serpent.loads(dump(SERPENT, {"a": Pair(1, 2.5), "b": {"x"}})) == {
        "a": (1, 2.5), "b": {"x"},
    }  # fmt: skip
    assert serpent.loads(dump(SERPENT, [math.nan])) == [{"__class__": "float", "value": "nan"}]


def test_addresses_are_written_as_pyro_does() -> None:
    uri = Pyro5.core.URI("PYRO:o@127.0.0.1:1")
    for serializer in (SERPENT, JSON, MSGPACK):
        data = dump(serializer, [uri, "x"])
        assert Pyro5.serializers.serializers_by_id[serializer].loads(data) == [uri, "x"]


@pytest.mark.parametrize("serializer", [JSON, MSGPACK])
def test_what_cannot_be_written_is_a_type_error(serializer: int) -> None:
    with pytest.raises(TypeError):
        dump(serializer, object())
    assert sorted(load(serializer, dump(serializer, {"b", "a"}))) == ["a", "b"]


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_garbage_collection_is_left_as_it_is() -> None:
    """Serpent turns it on, each time."""
    load_call(SERPENT, b"('o', 'put', ('k', 1), {})")
    dump(SERPENT, [1, "x", {"k": None}])
    dump(SERPENT, [1.5, {"x"}])
    assert not gc.isenabled()
