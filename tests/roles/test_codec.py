"""Messages survive the way there and back; bytes that are none are Malformed and nothing else."""

from __future__ import annotations

import sys
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from kvrmi.operations.interface import Answer, Request
from kvrmi.paxos import messages
from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.declaration import PAXOS
from kvrmi.roles.codec import MESSAGE_BYTES, Codec, Malformed
from kvrmi.roles.contract import Address, Message
from kvrmi.state.log import Entry

CODEC = Codec(PAXOS)
SENDER = Address(2, "proposer")

numbers = st.integers(0, (1 << 63) - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
scalars = st.none() | st.booleans() | st.integers(-1, (1 << 63) - 1) | texts | st.binary()
st.register_type_strategy(int, numbers)
st.register_type_strategy(str, texts)
st.register_type_strategy(float, st.floats(0.0, 1e9))
st.register_type_strategy(
    Answer,
    st.builds(
        Answer,
        texts,
        scalars | st.lists(scalars, max_size=3) | st.lists(st.lists(scalars, max_size=2)),
        numbers,
    ),
)
senders = st.builds(Address, numbers, st.sampled_from(sorted(PAXOS.roles)))
wire = st.sampled_from(PAXOS.messages).flatmap(st.from_type)


def is_local(kind: Any) -> bool:
    return bool(kind.__doc__.startswith("Local,"))


def types_of(thing: object) -> object:
    """Tell the type of a thing and of all in it: equality alone takes any tuple for another."""
    if isinstance(thing, tuple | list):
        return (type(thing), [types_of(item) for item in thing])
    return type(thing)


def test_every_message_that_is_not_local_has_a_number() -> None:
    kinds = {getattr(messages, name) for name in messages.__all__} - {messages.AcceptedValue}
    assert {kind for kind in kinds if not is_local(kind)} == set(PAXOS.messages)
    assert len(set(PAXOS.messages)) == len(PAXOS.messages) < 128


@given(senders, wire)
def test_there_and_back(sender: Address, message: Message) -> None:
    back = CODEC.decode(CODEC.encode(sender, message))
    assert back == (sender, message)
    assert types_of(back) == types_of((sender, message))


def test_nested_parts_are_what_they_were() -> None:
    entry = Entry(7, (3, 1), (1, 2), b"v")
    answers = (Answer("OK", [["k", b"v"], ["l", "w"]], 3), Answer("OK", [None, "x"], 3))
    for message in (
        messages.Entries(7, (entry, entry._replace(slot=8)), 5, 9),
        messages.Forward(1, Ballot(4, 2), (Request(True, b"q"), Request(False, b"c")), 2.5),
        messages.Forwarded(1, answers),
        messages.SnapshotPage("2-1", -1, b"", True),
        messages.PreVoted(Ballot(4, 2), False, NO_BALLOT),
    ):
        back = CODEC.decode(CODEC.encode(SENDER, message))[1]
        assert (back, types_of(back)) == (message, types_of(message))


def test_local_messages_have_no_wire_form() -> None:
    with pytest.raises(ValueError, match="does not leave"):
        CODEC.encode(SENDER, messages.Confirm(1))


def packed(*fields: object) -> bytes:
    data: bytes = msgpack.packb(fields)
    return data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        packed(),
        packed(3, 2, "proposer"),
        packed(2, 2, "proposer", (10, (1, 2))),
        packed(4, 2, "proposer", (10, (1, 2))),
        packed(3.0, 2, "proposer", (10, (1, 2))),
        packed(3, 2, "proposer", (0, (1, 2))),
        packed(3, 2, "proposer", (99, (1, 2))),
        packed(3, 2, "proposer", (True, (1, 2))),
        packed(3, 2, "proposer", ((1,), (1, 2))),
        packed(3, 2, "proposer", ()),
        packed(3, 2, "proposer", 10),
        packed(3, -2, "proposer", (10, (1, 2))),
        packed(3, 1 << 63, "proposer", (10, (1, 2))),
        packed(3, "2", "proposer", (10, (1, 2))),
        packed(3, 2, "voter", (10, (1, 2))),
        packed(3, 2, b"proposer", (10, (1, 2))),
        packed(3, 2, {"a": 1}, (10, (1, 2))),
        packed(3, 2, "proposer", (10,)),
        packed(3, 2, "proposer", (10, (1, 2), 3)),
        packed(3, 2, "proposer", (10, (1, 2)), 3),
        packed(3, 2, "proposer", (10, (1, 2, 3))),
        packed(3, 2, "proposer", (10, (1, True))),
        packed(3, 2, "proposer", (10, (1, None))),
        packed(3, 2, "proposer", (10, (1, 1 << 63))),
        packed(3, 2, "proposer", (10, (1, -2))),
        packed(3, 2, "proposer", (10, (1, 2.0))),
        packed(3, 2, "proposer", (10, "12")),
        packed(3, 2, "proposer", {0: 10, 1: (1, 2)}),
        packed(3, 2, "proposer", (10, (1, 2))) + b"\0",
        packed(3, 2, "proposer", (10, (1, 2)))[:-1],
        packed(3, 2, "front", (22, 1, (4, 2), ((True, b""),), float("nan"))),
        packed(3, 2, "front", (22, 1, (4, 2), ((True, b""),), float("inf"))),
        packed(3, 2, "front", (22, 1, (4, 2), ((True, b""),), -1.0)),
        packed(3, 2, "front", (22, 1, (4, 2), ((1, b""),), 1.0)),
        packed(3, 2, "front", (22, 1, (4, 2), ((True, ""),), 1.0)),
        packed(3, 2, "front", (22, 1, (4, 2), ((True, b"", 1),), 1.0)),
        packed(3, 2, "learner", (15, 1, ((1, (1, 1 << 63), (1, 2), b""),), 1, 1)),
        packed(3, 2, "learner", (15, 1, ((1 << 63, (1, 2), (1, 2), b""),), 1, 1)),
        packed(3, 2, "front", (23, 1, (("OK", {"a": 1}, 1),))),
        packed(3, 2, "front", (23, 1, (("OK", 1.5, 1),))),
        packed(3, 2, "front", (23, 1, (("OK", 1 << 63, 1),))),
        packed(3, 2, "front", (23, 1, (("OK", (((1,),),), 1),))),
        packed(3, 2, "front", (23, 1, (("OK", msgpack.Timestamp(1), 1),))),
        packed(3, 2, "front", (23, 1, (("OK", msgpack.ExtType(3, b"1"), 1),))),
        packed(3, 2, "front", (23, 1, (("OK", None, 1 << 63),))),
        packed(3, 2, "front", (23, 1, (("OK", None, -1),))),
        packed(3, 2, "front", (23, 1, (("OK\0", None),))),
        packed(3, 2, "front", (23, 1, (("OK", None, 1),))).replace(b"OK", b"\xff\xff"),
        bytes(MESSAGE_BYTES + 1),
        b"\x91" * 100_000 + b"\0",
        b"\xdd\xff\xff\xff\xff" + bytes(100),
        b"\xc6\xff\xff\xff\xff" + bytes(100),
        b"\xd6\xff" + bytes(4),
    ],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        CODEC.decode(data)


def test_deep_answer_is_malformed() -> None:
    depth = min(400, sys.getrecursionlimit())
    for nesting in range(3, depth):
        value: Any = 1
        for _ in range(nesting):
            value = (value,)
        with pytest.raises(Malformed):
            CODEC.decode(packed(3, 2, "front", (23, 1, (("OK", value, 1),))))


@given(st.binary(max_size=80))
def test_random_bytes(data: bytes) -> None:
    with pytest.raises(Malformed):
        CODEC.decode(data)


def checked(data: bytes) -> None:
    """Decode, or be told Malformed; what is let through is a message like any other."""
    try:
        sender, message = CODEC.decode(data)
    except Malformed:
        return
    assert CODEC.decode(CODEC.encode(sender, message)) == (sender, message)


@given(senders, wire, st.data())
def test_truncated_and_mutated_messages(
    sender: Address, message: Message, data: st.DataObject
) -> None:
    whole = bytearray(CODEC.encode(sender, message))
    with pytest.raises(Malformed):
        CODEC.decode(bytes(whole[: data.draw(st.integers(0, len(whole) - 1))]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    checked(bytes(whole))


@given(st.recursive(scalars | st.floats(), lambda inner: st.lists(inner, max_size=5)), wire)
def test_well_formed_messages_with_foreign_fields(foreign: Any, message: Message) -> None:
    head = (PAXOS.format, 1, "acceptor")
    number, *fields = msgpack.unpackb(CODEC.encode(SENDER, message))[-1]
    for at in range(len(fields)):
        checked(packed(*head, (number, *fields[:at], foreign, *fields[at + 1 :])))


def loose(declared: Any) -> list[Any]:
    """Types in `declared` that take more than they should: no bounds, or anything at all."""
    if isinstance(declared, inspect.Metadata):
        return loose(declared.type)
    bounded = isinstance(declared, inspect.IntType | inspect.FloatType)
    if bounded and not isinstance(declared, inspect.BoolType):
        return [] if None not in (declared.ge, declared.le) else [declared]
    if isinstance(declared, inspect.AnyType | inspect.CustomType | inspect.DictType):
        return [declared]
    inner = [field.type for field in getattr(declared, "fields", ())]
    inner += list(getattr(declared, "item_types", ()))
    inner += [one for one in [getattr(declared, "item_type", None)] if one]
    return [found for one in inner for found in loose(one)]


def test_numbers_on_the_wire_have_bounds() -> None:
    found = {kind.__name__: len(loose(inspect.type_info(kind))) for kind in PAXOS.messages}
    # The value and the revision of an answer are checked when a Forwarded is made.
    assert {name: count for name, count in found.items() if count} == {"Forwarded": 2}


def test_numbers_of_messages_never_change() -> None:
    numbers = [inspect.type_info(kind).tag for kind in PAXOS.messages]  # type: ignore[attr-defined]
    assert numbers == list(range(1, 26))
    assert [PAXOS.messages[at - 1].__name__ for at in (5, 15, 22)] == [
        "Accept",
        "Entries",
        "Forward",
    ]
