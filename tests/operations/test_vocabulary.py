"""How operations evolve: what came later leaves the bytes, and callers, of earlier as they were."""

from __future__ import annotations

from typing import Any

import pytest

from kvrmi.errors import InvalidRequest
from kvrmi.operations.arguments import CONSISTENCY, KEY, LIMIT, VALUE, Argument
from kvrmi.operations.commands import decode_command, encode_command
from kvrmi.operations.definition import Definition, Malformed, define
from kvrmi.operations.interface import check
from kvrmi.operations.past import PAST
from kvrmi.operations.vocabulary import VOTER, Vocabulary

ID = ("c", 1)
AGE = LIMIT._replace(name="age", default=7, added=2)
NOTE = VALUE._replace(name="note", default="", added=3)
AT = LIMIT._replace(name="at", default=1000, added=2)


def put(*later: Argument, since: int = 1) -> Definition:
    return define("put", 0, (KEY, VALUE, *later), "a revision", since=since)


def get(*later: Argument) -> Definition:
    return define("get", 5, (KEY, CONSISTENCY, *later), "a value", reads=True)


def of(*entries: Definition) -> Vocabulary:
    return Vocabulary("v", entries)


def sent(name: str, args: tuple[object, ...], vocabulary: Vocabulary) -> list[object]:
    operation = check(name, args, vocabulary)
    return operation.known.sent(operation.args, operation.consistency)


def encoded(args: tuple[Any, ...], vocabulary: Vocabulary) -> bytes:
    return encode_command("put", check("put", args, vocabulary).args, ID, vocabulary)


OLD, NEW, NEWEST = of(put()), of(put(AGE)), of(put(AGE, NOTE))


def test_the_version_follows_from_what_came_when() -> None:
    assert [one.version for one in (OLD, NEW, NEWEST)] == [1, 2, 3]
    assert of(put(since=4)).version == 4
    assert OLD.signature == "v/1"


def test_a_command_of_before_is_read_with_the_defaults() -> None:
    before = encoded(("k", "v"), OLD)
    assert decode_command(before, NEWEST)[2] == ("k", "v", 7, "")
    assert decode_command(encoded(("k", "v", 8), NEW), NEWEST)[2] == ("k", "v", 8, "")
    assert decode_command(encoded(("k", "v", 8, "n"), NEWEST), NEWEST)[2] == ("k", "v", 8, "n")


def test_a_command_that_needs_nothing_new_has_the_bytes_of_before() -> None:
    """Else a retry after an upgrade would be another command under the same request id."""
    assert encoded(("k", "v"), NEWEST) == encoded(("k", "v", 7, ""), NEWEST)
    assert encoded(("k", "v"), NEWEST) == encoded(("k", "v"), OLD)
    assert encoded(("k", "v", 8), NEWEST) == encoded(("k", "v", 8), NEW)


@pytest.mark.parametrize(
    "args", [b"", b"\x90", b"\x91\xa1k", b"\x95\xa1k\xa1v\x07\xa0\xa0", b"\x93"]
)
def test_arguments_of_another_number_are_malformed(args: bytes) -> None:
    with pytest.raises(Malformed):
        NEWEST.by_name["put"].decode(args)


def test_the_arguments_that_are_sent_are_those_that_a_replica_of_before_knows() -> None:
    assert sent("put", ("k", "v", 7), NEWEST) == ["k", "v"]
    assert sent("put", ("k", "v", 7, "n"), NEWEST) == ["k", "v", 7, "n"]
    reads = of(get(AT))
    assert sent("get", ("k",), reads) == ["k", "linearizable"]
    assert sent("get", ("k", "local"), reads) == ["k", "local"]
    assert sent("get", ("k", "local", 5), reads) == ["k", "local", 5]
    assert check("get", ("k", "local", 5), reads).args == ("k", 5)


def test_every_operation_may_have_a_consistency() -> None:
    counts = of(define("size", 7, (CONSISTENCY,), "a number", reads=True))
    assert check("size", ("local",), counts).consistency == "local"
    assert sent("size", ("local",), counts) == ["local"]
    assert sent("size", (), counts) == ["linearizable"]


def test_the_request_id_keeps_its_place() -> None:
    assert put(AGE).remote_usage == "put(key, value, request=None, age=7)"


def test_what_came_later_must_be_left_out_by_those_who_do_not_know_it() -> None:
    with pytest.raises(ValueError, match="comes last"):
        put(VALUE._replace(added=2))
    with pytest.raises(ValueError, match="comes last"):
        define("put", 0, (KEY, AGE, VALUE), "")
    with pytest.raises(ValueError, match="comes last"):
        put(NOTE, AGE)


def test_no_opcode_and_no_name_means_two_things() -> None:
    with pytest.raises(ValueError, match="same name or opcode"):
        of(put(), define("other", 0, (), ""))
    with pytest.raises(ValueError, match="same name or opcode"):
        of(define("mine", VOTER.opcode, (), ""))


def test_what_replicas_alone_may_ask_is_the_machines_all_the_same() -> None:
    expire = define("expire", 50, (KEY,), "whether it was there", of_clients=False)
    vocabulary = of(put(), expire)
    assert expire in vocabulary.machine
    assert set(vocabulary.clients) - {one.name for one in PAST} == {"put"}
    with pytest.raises(
        InvalidRequest, match="no operation 'expire', only get_at, history, outcome, put"
    ):
        check("expire", ("k",), vocabulary)
