"""What is sent to etcd for an operation stays within what etcd takes in one transaction."""

from __future__ import annotations

from typing import Any

from kvrmi.operations.interface import MANY_ITEMS, check
from server.engines.etcd.keys import Keys, packed
from server.engines.etcd.transactions import asked, with_request

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


def test_the_bound_is_the_one_that_etcd_has() -> None:
    group = {"compare": [], "success": [{"request_put": {"key": ""}}] * 128, "failure": []}
    assert fits(group)
    assert not fits({"compare": [], "success": [{"request_txn": group}], "failure": []})
