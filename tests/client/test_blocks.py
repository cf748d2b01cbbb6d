"""LOG and CHAIN VERIFY: a block a line, and chains that differ are found at their first slot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from client import blocks
from client.grammar.commands import parse
from client.grammar.lexer import Usage, split
from kvrmi.errors import ConnectionFailed, InvalidRequest
from kvrmi.operations.arguments import CHANGES_MOST
from server.engines.blocks import BLOCKS


class Admins:
    """Replicas that answer what the test wrote down."""

    def __init__(self, answers: Mapping[int, Any]) -> None:
        self.ids = tuple(answers)
        self.answers = answers
        self.asked: list[tuple[object, ...]] = []

    def replica(self, replica: int, method: str, *args: object, timeout: float = 0) -> Any:
        self.asked.append((replica, method, *args))
        if isinstance(self.answers[replica], Exception):
            raise self.answers[replica]
        return self.answers[replica]


def chain_of(first: int, *hashes: str, damage: str | None = None) -> dict[str, object]:
    links = [[first + at, hash] for at, hash in enumerate(hashes)]
    return {"links": links, "entries": len(hashes) - 1, "damage": damage}


def verify(answers: Mapping[int, Any]) -> blocks.Report:
    admins: Any = Admins(answers)
    return blocks.chain(admins, admins.ids)


def test_chains_that_agree() -> None:
    report = verify({1: chain_of(0, "", "a", "b", "c"), 2: chain_of(1, "a", "b")})
    assert report.status == 0
    assert report.lines == [
        "replica 1: slots 1 to 3 verified on its disk, slot 3 has c",
        "replica 2: slots 2 to 2 verified on its disk, slot 2 has b",
        "all 2 agree up to slot 2, the last that all have on disk",
    ]
    assert report.fields["value"] is True


def test_the_first_slot_that_differs_is_named() -> None:
    good, bad = chain_of(4, "a", "b", "c", "d"), chain_of(5, "b", "x", "y")
    report = verify({1: good, 2: bad, 3: good})
    assert report.status == blocks.DIFFERENT
    assert report.fields["differ"] == 6
    assert report.lines[-1] == (
        "slot 6 is the first in which they differ: replicas 1, 3 c; replicas 2 x"
    )


def test_damage_and_silence_are_said_and_are_no_agreement() -> None:
    away = ConnectionFailed("replica 3 does not answer")
    report = verify({1: chain_of(0, "", "a"), 2: chain_of(0, damage="a hole"), 3: away})
    assert report.status == blocks.DIFFERENT
    assert report.lines[1:] == [
        "replica 2: the log on its disk is damaged: a hole",
        "replica 3: not verified: replica 3 does not answer",
    ]
    with pytest.raises(ConnectionFailed):
        verify({1: away})


def test_a_block_is_a_line() -> None:
    command = {"op": "put", "args": ["k", "New York"], "id": ["ana:1", 7], "bytes": 30}
    block = {
        "slot": 9, "ballot": [2, 1], "acceptors": [1, 3], "revision": 7, "previous": "a" * 64,
        "hash": "b" * 64, "count": 3, "commands": [command],
    }  # fmt: skip
    anchor = {"slot": 8, "hash": "a" * 64}
    admins: Any = Admins({2: {"anchor": anchor, "applied": 9, "revision": 7, "blocks": [block]}})
    report = blocks.log(admins, 2, None, None)
    assert admins.asked == [(2, "log", None, blocks.LAST)]
    assert report.lines == [
        "anchor: slot 8, hash aaaaaaaaaaaa",
        "slot  ballot  by   revision  previous      hash          operations",
        "9     2.1     1,3  7         aaaaaaaaaaaa  bbbbbbbbbbbb  "
        'put "k" "New York" by ana/7; and 2 more',
        "replica 2 has applied slot 9",
    ]


@pytest.mark.parametrize(
    ("line", "args"),
    [
        ("LOG", (None, None, None)),
        ("log 2 --from 7 --last 3", (2, 7, 3)),
        ("chain verify", (None, False)),
        ("CHAIN VERIFY 3", (3, False)),
        ("CHAIN VERIFY --all", (None, True)),
    ],
)
def test_how_they_are_written(line: str, args: tuple[object, ...]) -> None:
    assert parse(split(line)).args == args


@pytest.mark.parametrize("line", ["CHAIN", "CHAIN up", "LOG x", "LOG --last 0", "LOG 1 2"])
def test_how_they_are_not(line: str) -> None:
    with pytest.raises(Usage, match="usage: "):
        parse(split(line))


@pytest.mark.parametrize(
    ("line", "most"), [("LOG --last 501", BLOCKS), ("HISTORY door --last 1001", CHANGES_MOST)]
)
def test_a_limit_is_that_of_the_option(line: str, most: int) -> None:
    with pytest.raises(Usage, match=f"^--last takes a whole number from 1 to {most}, not "):
        parse(split(line))
    parse(split(f"{line.rpartition(' ')[0]} {most}"))


def test_a_chain_of_no_replica_is_invalid() -> None:
    with pytest.raises(InvalidRequest, match="there is no replica 9"):
        verify({9: InvalidRequest("there is no replica 9, only 1, 2")})
