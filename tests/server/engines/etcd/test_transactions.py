"""What is sent to etcd for an operation stays within what etcd takes in one transaction."""

from __future__ import annotations

from typing import Any

from kvrmi.operations.interface import MANY_ITEMS, check
from server.engines.etcd.keys import Keys, b64, packed
from server.engines.etcd.transactions import asked, settled, with_request

MAX_TXN_OPS = 128
"""Of an etcd that is started with no word on it."""
KEYS = Keys("kvrmi/")


def fits(transaction: Any, room: int = MAX_TXN_OPS) -> bool:
    """Count as etcd's checkTxnRequest does: each level takes from what is left to those below."""
    parts = [transaction["compare"], transaction["success"], transaction["failure"]]
    left = room - max(map(len, parts))
    steps = [*transaction["success"], *transaction["failure"]]
    return left >= 0 and all(
        fits(one["request_txn"], left) for one in steps if "request_txn" in one
    )


def puts(transaction: Any) -> list[str]:
    """List the keys that are put, in order."""
    found: list[str] = []
    for step in transaction["success"]:
        found += puts(step["request_txn"]) if "request_txn" in step else []
        found += [step["request_put"]["key"]] if "request_put" in step else []
    return found


def answered(transaction: Any, count: Any) -> Any:
    """Answer each range of a transaction with the next number as its value, grouped as asked."""
    answers = []
    for step in transaction["success"]:
        if "request_txn" in step:
            answers.append({"response_txn": answered(step["request_txn"], count)})
        else:
            value = packed(str(next(count)))
            answers.append({"response_range": {"kvs": [{"value": value}]}})
    return {"header": {"revision": "7"}, "succeeded": True, "responses": answers}


def test_as_many_pairs_as_a_store_takes_are_one_transaction() -> None:
    for many in (1, 40, 41, 128, 1601, MANY_ITEMS):
        write = check("put_many", ([[f"k{one}", ""] for one in range(many)],))
        names = [KEYS.row(f"k{one}") for one in range(many)]
        alone = asked(write, KEYS).transaction
        assert fits(alone)
        assert puts(alone) == names
        marked = with_request(write, KEYS, ("client", 2), "1").transaction
        assert fits(marked)
        assert puts(marked)[:many] == names


def test_values_that_were_asked_for_in_groups_come_in_order() -> None:
    for many in (1, 41, 1601):
        read = asked(check("get_many", ([f"k{one}" for one in range(many)],)), KEYS)
        assert fits(read.transaction)
        answer = read.read(answered(read.transaction, iter(range(many))))
        assert answer.value == [str(one) for one in range(many)]


def kvs(value: bytes | None, revision: int = 3) -> Any:
    rows = [] if value is None else [{"value": b64(value), "mod_revision": str(revision)}]
    return {"response_range": {"kvs": rows}}


def became(sequence: int, floor: int | None, mark: bytes | None) -> object:
    """Read the outcome of a request from what etcd has of its session and of itself."""
    session = None if floor is None else floor.to_bytes(8, "big")
    found = {"header": {"revision": "7"}, "responses": [kvs(session), kvs(mark)]}
    question = asked(check("outcome", ("ana", sequence)), KEYS)
    settling = settled(KEYS, "ana", sequence, "1")
    refused = {**found, "succeeded": False}
    assert settling.read(refused).value == question.read(found).value
    return question.read(found).value


def test_what_became_of_a_request_follows_from_its_mark_and_its_session() -> None:
    digest = b"d" * 16
    assert became(2, 0, digest + b"\x02") == ["applied", 3, 3]
    assert became(2, 0, digest + b"\x01") == ["applied", 3, True]
    assert became(2, 0, digest + b"\x00") == ["applied", 3, False]
    assert became(2, 0, bytes(16)) == ["never", None, None]
    assert became(2, 0, None) == became(1, None, None) == ["open", None, None]
    for sequence, floor in ((2, None), (1, 0), (5, 5)):
        assert became(sequence, floor, None) == ["forgotten", None, None]


def test_a_request_that_was_settled_is_refused_when_it_comes_late() -> None:
    marked = with_request(check("put", ("k", "v")), KEYS, ("ana", 2), "1")
    found = {"header": {"revision": "7"}, "succeeded": False, "responses": [kvs(bytes(16))]}
    answer = marked.read(found)
    assert (answer.code, "never takes effect" in str(answer.value)) == ("INVALID", True)
    assert fits(settled(KEYS, "ana", 2, "1").transaction)


def test_the_bound_is_the_one_that_etcd_has() -> None:
    group = {"compare": [], "success": [{"request_put": {"key": ""}}] * 128, "failure": []}
    assert fits(group)
    assert not fits({"compare": [], "success": [{"request_txn": group}], "failure": []})
