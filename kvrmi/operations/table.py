"""The one table of operations: what the store can be asked, and whatever follows from that.

Rules: an opcode is for ever, since logs on disks hold it: none is changed or given to another
operation. Everything else that knows operations derives from this table, or a test compares it
(tests/operations/test_table.py). It says what may be asked, and not what that does.

To add an operation: an entry here with `since` the next version, a method of the same name in
state/keyvalue.py, a test. Without `touches` it is right everywhere, and waits for all others where
writes lock keys. To add an argument to one: at the end, with a default and `added` the
next version. DESIGN.md says what follows for clusters that run.
"""

from __future__ import annotations

from typing import Any

from .arguments import CONSISTENCY, EXPECTED, KEY, KEYS, LIMIT, PAIRS, PREFIX, START, VALUE
from .definition import Touched, define
from .vocabulary import Vocabulary

__all__ = ["KEY_VALUE", "NUMBERED", "OPERATIONS", "READS", "WRITES"]


def _key(args: tuple[Any, ...]) -> frozenset[Touched]:
    return frozenset(args[:1])


def _keys(args: tuple[Any, ...]) -> frozenset[Touched]:
    return frozenset(args[0])


def _keys_of_pairs(args: tuple[Any, ...]) -> frozenset[Touched]:
    return frozenset(key for key, _ in args[0])


KEY_VALUE = Vocabulary(
    "key-value",
    (
        define("put", 0, (KEY, VALUE), "the revision it made", numbered=True, touches=_key),
        define(
            "get",
            5,
            (KEY, CONSISTENCY),
            'the value, or None; `"local"`: the contacted replica\'s own state',
            reads=True,
            touches=_key,
        ),
        define("delete", 1, (KEY,), "True if it was there", touches=_key),
        define("contains", 6, (KEY,), "True or False", reads=True, touches=_key),
        define("size", 7, (), "how many keys there are", reads=True),
        define(
            "put_many",
            2,
            (PAIRS,),
            "the revision; a list of [key, value], stored in one step or not at all",
            long=True,
            numbered=True,
            touches=_keys_of_pairs,
        ),
        define(
            "get_many",
            8,
            (KEYS,),
            "values in order, None where absent, all of one revision",
            reads=True,
            long=True,
            touches=_keys,
        ),
        define(
            "cas",
            3,
            (KEY, EXPECTED, VALUE),
            "True if swapped; `expected` None: the key must be absent",
            touches=_key,
        ),
        define(
            "scan",
            9,
            (PREFIX, START, LIMIT),
            "a page of [key, value] by code point, after `start`; "
            "the next page begins after its last key",
            reads=True,
            long=True,
        ),
    ),
)

OPERATIONS = tuple(KEY_VALUE.clients)
"""What clients may ask for."""
READS = KEY_VALUE.reads
WRITES = KEY_VALUE.writes
NUMBERED = KEY_VALUE.numbered
"""What is answered with its revision alone."""
