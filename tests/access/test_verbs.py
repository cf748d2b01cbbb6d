"""What the commands of the classic servers show: blocks with anchor and tentative ones, pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kvrmi.access import verbs
from kvrmi.access.showing import operation
from kvrmi.errors import ConnectionFailed


def block(slot: int, *commands: dict[str, object], known: bool = True) -> dict[str, Any]:
    return {
        "slot": slot,
        "ballot": [2, 1],
        "previous": f"{slot - 1:064x}" if known else None,
        "hash": f"{slot:064x}" if known else None,
        "count": len(commands),
        "commands": list(commands),
    }


def put(key: str, value: object, *id: object) -> dict[str, object]:
    return {"op": "put", "args": [key, value], "id": list(id), "bytes": 9}


class Admins:
    """One replica with ten decided blocks, two at a time, and some accepted ones."""

    ids = (1,)

    def __init__(self, tentative: list[dict[str, Any]] | None) -> None:
        self.blocks = [block(slot, put("k", str(slot), "c:x", slot)) for slot in range(11, 21)]
        self.tentative = tentative

    def replica(self, replica: int, method: str, *args: Any, timeout: float = 0.0) -> Any:
        if method == "tentative":
            return {"applied": 19, "blocks": self.tentative}
        first, most = args
        at = len(self.blocks) - most if first is None else max(first - 11, 0)
        found = self.blocks[at : at + min(most, 2)]
        return {"anchor": {"slot": 10 + at, "hash": f"{10 + at:064x}"}, "applied": 20} | {
            "blocks": found
        }


def shown(tentative: list[dict[str, Any]] | None, last: int = 0) -> verbs.Shown:
    admins: Any = Admins(tentative)
    return verbs.blocks(admins, 1, last)


def test_the_anchor_comes_first_then_a_block_a_line_then_tentative_ones() -> None:
    late = [block(20, put("k", "20", "c:x", 20)), block(21), block(23, known=False)]
    found = shown(late)
    assert found.lines[0] == "anchor: slot 10, hash 000000000000"
    assert found.lines[1].split() == ["slot", "ballot", "state", "previous", "hash", "operations"]
    rows = [line.split() for line in found.lines[2:]]
    assert [row[0] for row in rows] == [*map(str, range(11, 22)), "23"]
    assert [row[2] for row in rows] == ["decided"] * 10 + ["tentative"] * 2
    assert found.lines[2].endswith('put "k" "11" by c/11')
    assert rows[-1][3:] == ["?", "?", "no-op"]
    assert found.fields["tentative"] == 2


def test_the_last_ones_and_an_acceptor_that_is_down() -> None:
    found = shown(None, last=2)
    assert [line.split()[0] for line in found.lines[:4]] == ["anchor:", "slot", "19", "20"]
    assert found.lines[-1] == "the acceptor is down: which blocks are tentative is not known"
    assert found.fields["tentative"] is None


def test_what_a_client_wrote_moves_no_cursor() -> None:
    wild = put("a\x1b[2J", "v\n" * 300, "\x07bell:1", 1)
    one = operation(wild)
    assert one.isprintable()
    assert len(one) < 700
    assert operation(put("k", b"\x1b", 3, b"boot", 7)) == r'put "k" b"\x1b" by replica 3'
    many = {"op": "put_many", "args": [[["a", "1"], ["b", "2"]]], "id": ["abcdefabcdefabcdef", 4]}
    assert operation(many) == 'put_many [["a" "1"] ["b" "2"]] by abcdefabcdef/4'


def test_a_restore_names_the_peer_that_was_asked_for_and_did_not_answer() -> None:
    found = {"slot": 9, "peer": 4, "keys": 1, "missed": 2, "by": "log"}
    text = verbs.caught_up(2, found, 3)
    assert text.startswith("replica 2 has caught up with replica 4 by its log: slot 9, 1 key; ")
    assert text.endswith("; replica 3, which was asked for, did not answer")
    assert "did not answer" not in verbs.caught_up(2, found, 4) + verbs.caught_up(2, found, None)


def test_a_peer_that_was_not_named_is_not_missed() -> None:
    class Two:
        ids = (1, 2)

        def replica(self, replica: int, method: str, *args: Any, timeout: float = 0.0) -> Any:
            if method == "status":
                return {"id": replica, "state": "up"}
            return {"slot": 9, "peer": 3, "keys": 1, "missed": 2, "by": "log"}

    admins: Any = Two()
    assert "did not answer" not in verbs.restore(admins, 1).lines[0]
    assert "replica 2, which was asked for, did not answer" in verbs.restore(admins, 1, 2).lines[0]


def test_what_a_restore_brought_counts_in_plain_words() -> None:
    found = {"peer": 2, "by": "entries", "slot": 11, "keys": 1, "missed": 1}
    assert verbs.caught_up(1, found, None).endswith("slot 11, 1 key; it had missed 1 write")
    assert verbs.caught_up(1, found | {"keys": 0, "missed": 2}, None).endswith(
        "0 keys; it had missed 2 writes"
    )


class Linked:
    """Replicas of which some answer what they are connected to, and the others do not."""

    def __init__(self, answers: Mapping[int, Any]) -> None:
        self.ids = tuple(answers)
        self.answers = answers

    def replica(self, replica: int, method: str) -> Any:
        assert method == "links"
        if isinstance(self.answers[replica], Exception):
            raise self.answers[replica]
        return self.answers[replica]


def linked(to: int, *cuts: tuple[int, int]) -> list[dict[str, object]]:
    return [{"replica": to, "state": "connected", "why": None, "cuts": [list(cut) for cut in cuts]}]


def silent(cause: Exception) -> ConnectionFailed:
    error = ConnectionFailed("it does not answer")
    error.__cause__ = cause
    return error


def links_of(answers: Mapping[int, Any]) -> verbs.Shown:
    admins: Any = Linked(answers)
    return verbs.links_of(admins, admins.ids)


def test_who_keeps_cuts_and_does_not_answer_is_named() -> None:
    late, down = silent(TimeoutError()), silent(ConnectionRefusedError())
    found = links_of({1: linked(2), 2: late, 3: late})
    assert found.lines[-1] == "no link is cut, as far as is known without replicas 2, 3"
    assert found.fields["unknown"] == [2, 3]
    found = links_of({1: linked(2, (1, 2), (2, 1)), 2: linked(1), 3: late})
    assert found.lines[-1] == "cut: 1-2, as far as is known without replica 3"
    found = links_of({1: linked(2), 2: linked(1), 3: down})
    assert found.lines[-1] == "no link is cut"  # a process that is not there keeps none


@pytest.mark.parametrize("cause", [TimeoutError, ConnectionRefusedError])
def test_where_nobody_answers_nothing_is_said_of_cuts(cause: type[Exception]) -> None:
    with pytest.raises(ConnectionFailed, match="does not answer"):
        links_of({1: silent(cause()), 2: silent(cause())})
