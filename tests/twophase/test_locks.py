"""What commands and questions touch is what their definitions list, whatever they are called."""

from __future__ import annotations

from kvrmi.operations.arguments import KEY, VALUE
from kvrmi.operations.commands import encode_command, encode_question
from kvrmi.operations.definition import define
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.twophase.locks import Locks, asked, touched

OTHER = Vocabulary(
    "other",
    (
        define("put", 100, (VALUE, KEY), "an operation of that name that is not the store's"),
        define("get", 101, (KEY,), "likewise", reads=True),
        define(
            "move",
            102,
            (KEY, KEY._replace(name="to"), VALUE),
            "one that touches two keys",
            touches=lambda args: frozenset(args[:2]),
        ),
    ),
)


def test_what_lists_nothing_touches_everything() -> None:
    assert touched(encode_command("put", ("v", "a"), ("c", 1), OTHER), OTHER) is None
    assert asked(encode_question("get", ("a",), OTHER), OTHER) is None


def test_what_is_listed_is_touched_and_the_request() -> None:
    move = encode_command("move", ("a", "b", "v"), ("c", 1), OTHER)
    assert touched(move, OTHER) == frozenset({"a", "b", ("c", 1)})
    plain = encode_command("move", ("a", "b", "v"), (1, b"12345678", 1), OTHER)
    assert touched(plain, OTHER) == frozenset({"a", "b"})


def test_of_several_locks_in_the_way_it_is_the_request_and_else_the_first_key() -> None:
    """Whatever order a set of strings has in this process."""
    locks = Locks[int]()
    keys = [f"k{number}" for number in range(8)]
    for number, key in enumerate(keys):
        locks.take(frozenset({key}), number)
    assert locks.holder(frozenset(keys[2:])) == ("k2", 2)
    locks.take(frozenset({("c", 1)}), 9)
    assert locks.holder(frozenset([*keys, ("c", 1)])) == (("c", 1), 9)
    assert locks.holder(frozenset({"other"})) is None
