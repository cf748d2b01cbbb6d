"""The one table of operations, and whatever must agree with it."""

from __future__ import annotations

import msgspec
import pytest

from client.grammar.commands import GROUPS, parse
from client.grammar.lexer import split
from client.shell.answers import WORDS
from kvrmi.checker.history import _SHAPES
from kvrmi.checker.model import MODELLED
from kvrmi.checker.reduce import REDUCED
from kvrmi.operations.commands import decode_command, decode_question, encode_command
from kvrmi.operations.interface import LOCAL, check
from kvrmi.operations.table import KEY_VALUE, OPERATIONS, READS, WRITES
from kvrmi.sim.paxos import workload
from kvrmi.state.keyvalue import KeyValues

OPCODES = {
    "put": 0, "delete": 1, "put_many": 2, "cas": 3, "voter": 4, "get": 5, "contains": 6, "size": 7,
    "get_many": 8, "scan": 9, "history": 10, "get_at": 11, "outcome": 12, "settle": 13,
}  # fmt: skip
"""What logs on disks hold. A new operation is added here; nothing here ever changes."""


def test_opcodes_are_those_of_the_logs_that_there_are() -> None:
    assert {name: one.opcode for name, one in KEY_VALUE.by_name.items()} == OPCODES


def test_commands_of_logs_that_there_are_can_be_read() -> None:
    """As a replica wrote them before there was a table."""
    put = b"\x01\x00\x04\x92\xa1c\x01\x92\xa1k\xc4\x01v"
    assert decode_command(put) == ("put", ("c", 1), ("k", b"v"))
    assert encode_command("put", ("k", b"v"), ("c", 1)) == put
    voter = b"\x01\x04\x0d\x93\x01\xc4\x0812345678\x05\x93\x02\x03\xa4disk"
    assert decode_command(voter) == ("voter", (1, b"12345678", 5), (2, 3, "disk"))
    assert decode_question(b"\x01\x09\x93\xa0\xc0\xcd\x03\xe8") == ("scan", ("", None, 1000))


MACHINE = {one.name for one in KEY_VALUE.machine}
"""What is asked of the present; the rest, of the past, is the same for every machine."""


@pytest.mark.parametrize("name", sorted(MACHINE))
def test_the_machine_has_a_method_of_that_name(name: str) -> None:
    method = getattr(KeyValues, name)
    given = [argument.name for argument in KEY_VALUE.by_name[name].given]
    before = ["self"] if name in READS else ["self", "revision"]
    names = method.__code__.co_varnames[: method.__code__.co_argcount]
    assert list(names) == before + given


ASKED: dict[str, tuple[object, ...]] = {
    "put": ("b", "new"),
    "delete": ("a",),
    "put_many": ((("a", "new"), ("c", "new")),),
    "cas": ("a", "1", "new"),
    "get": ("a",),
    "contains": ("a",),
    "get_many": (("a", "c"),),
}
WHOLE = {"scan", "size", "history", "get_at", "voter"}
"""What may touch anything."""


def test_an_operation_says_what_it_touches_or_may_touch_anything() -> None:
    listed = {one.name for one in KEY_VALUE.by_name.values() if one.touches is not None}
    assert listed == set(KEY_VALUE.by_name) - WHOLE == {*ASKED, "outcome", "settle"}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_an_operation_changes_and_shows_only_what_it_touches(name: str) -> None:
    known, args = KEY_VALUE.by_name[name], ASKED[name]
    touched = known.touched(args)
    assert touched is not None
    store, other = stores("other"), stores("changed")
    if known.reads:
        assert store.read(known.opcode, packed(args)) == other.read(known.opcode, packed(args))
        return
    store.changes = []
    store.apply(known.opcode, packed(args), 9)
    assert {key for _, key, _ in store.changes} == touched


def stores(elsewhere: str) -> KeyValues:
    """Make a store; `elsewhere` is the value of keys that no operation here names."""
    store = KeyValues()
    for revision, (key, value) in enumerate((("a", "1"), ("c", "3"), ("d", elsewhere)), start=1):
        store.apply(OPCODES["put"], packed((key, value)), revision)
    return store


def packed(args: tuple[object, ...]) -> bytes:
    return msgspec.msgpack.encode(args)


def test_what_replicas_ask_one_another_is_not_for_clients() -> None:
    assert set(OPERATIONS) == READS | WRITES == set(OPCODES) - {"voter", "settle"}
    with pytest.raises(ValueError, match="no operation 'voter'"):
        check("voter", (1, 2, "disk"))


def test_the_checker_knows_every_operation() -> None:
    assert set(_SHAPES) == MODELLED | REDUCED == MACHINE


def test_every_operation_can_be_typed() -> None:
    forms = [form for group in GROUPS.values() for form in group]
    lines = [*(form.example[0] for form in forms), "GET key --at 3"]
    asked = {parse(split(line)).name for line in lines}
    assert asked >= set(OPERATIONS)


def test_the_shell_has_words_for_every_answer() -> None:
    assert set(WORDS) | {"scan"} == set(OPERATIONS), "pages are listed"


def test_the_simulated_clients_ask_for_every_operation() -> None:
    assert set(workload.READS) - {LOCAL} == READS & MACHINE
    assert set(workload.WRITES) == WRITES
