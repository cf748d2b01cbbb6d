"""Operations as transactions of etcd, and its answers as ours: no I/O.

Rules: an operation is one transaction, so it takes effect whole or not at all; etcd counts steps
by level of nesting, so many stand in groups. A request leaves a mark in the transaction that
carries it out, with its answer and a digest of what was asked; who finds the mark gets the first
answer. A client's session is a key that holds its floor: requests up to it are forgotten, and
refused. Session and marks are bound to a lease, which each write renews.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from kvrmi.operations.commands import pack_question
from kvrmi.operations.interface import LOCAL, PAGE_BYTES, WINDOW, Answer, Operation, Value
from kvrmi.operations.past import OUTCOME
from kvrmi.state.clienttable import APPLIED, FORGOTTEN, NEVER, OPEN

from .keys import Keys, b64, number, packed, plain, unpacked

__all__ = ["OPERATIONS", "Asked", "asked", "settled", "with_request"]

Json = dict[str, Any]
_DIGEST_BYTES = 16
GROUP = 40
"""Steps of one level: three such levels are within the 128 that etcd allows if nothing else is set,
and hold all that one operation may have."""
_YES, _NO, _MADE = b"\x01", b"\x00", b"\x02"
"""What a request was answered: whether it took effect, or the revision that it made."""
_SETTLED = bytes(_DIGEST_BYTES)
"""In the place of a digest: nothing was asked by this request, and nothing will be."""


class Asked(NamedTuple):
    """A transaction, and how its answer is read."""

    transaction: Json
    read: Callable[[Json], Answer]


class _Write(NamedTuple):
    """A write as steps of a transaction: `then` if all of `compare` hold, else `otherwise`."""

    compare: Sequence[Json]
    then: Sequence[Json]
    otherwise: Sequence[Json]
    yes_or_no: bool
    """Whether the answer says if they held; else it is the revision."""


def asked(operation: Operation, keys: Keys) -> Asked:
    """Make the transaction of an operation that has no request id."""
    if operation.reads:
        return _READS[operation.name](keys, operation)
    write = _WRITES[operation.name](keys, operation.args)
    transaction = _txn(write.compare, write.then, write.otherwise)

    def read(found: Json) -> Answer:
        held = bool(found.get("succeeded"))
        return Answer("OK", held if write.yes_or_no else _revision(found), _revision(found))

    return Asked(transaction, read)


def with_request(operation: Operation, keys: Keys, request: tuple[str, int], lease: str) -> Asked:
    """Make the transaction of a write that takes effect once, however often it is sent."""
    client, sequence = request
    write = _WRITES[operation.name](keys, operation.args)
    session, mark = keys.session(client), keys.request(client, sequence)
    question = pack_question(operation.known.opcode, operation.args)
    digest = hashlib.sha256(question).digest()[:_DIGEST_BYTES]

    def marked(answer: bytes) -> Json:
        return _put(mark, b64(digest + answer), lease)

    held = marked(_YES if write.yes_or_no else _MADE)
    body = _nested(write.compare, [*write.then, held], [*write.otherwise, marked(_NO)])
    transaction = _txn(
        [_absent(mark), *_admitted(session, sequence)],
        [body, *_renewed(keys, client, sequence, lease)],
        [{"request_range": {"key": mark}}],
    )

    def read(found: Json) -> Answer:
        if not found.get("succeeded"):
            return _first_answer(found, digest, write.yes_or_no)
        held = bool(found["responses"][0]["response_txn"].get("succeeded"))
        return Answer("OK", held if write.yes_or_no else _revision(found), _revision(found))

    return Asked(transaction, read)


def _first_answer(found: Json, digest: bytes, yes_or_no: bool) -> Answer:
    """Read the mark that was found in place of carrying a request out; there may be none."""
    marks = found["responses"][0]["response_range"].get("kvs", [])
    if not marks:
        return Answer("UNKNOWN_OUTCOME", "session expired", _revision(found))
    mark, revision = plain(marks[0]["value"]), number(marks[0], "mod_revision")
    if mark[:_DIGEST_BYTES] == _SETTLED:
        why = "it was settled that this request never takes effect"
        return Answer("INVALID", why, _revision(found))
    if mark[:_DIGEST_BYTES] != digest:
        why = "this request id was used for another command; nothing was done"
        return Answer("INVALID", why, _revision(found))
    return Answer("OK", mark[_DIGEST_BYTES:] == _YES if yes_or_no else revision, revision)


def settled(keys: Keys, client: str, sequence: int, lease: str) -> Asked:
    """Make the transaction that uses an open request up, so that it never takes effect."""
    session, mark = keys.session(client), keys.request(client, sequence)
    transaction = _txn(
        [_absent(mark), *_admitted(session, sequence)],
        [_put(mark, b64(_SETTLED), lease), *_renewed(keys, client, sequence, lease)],
        _traces(session, mark),
    )

    def read(found: Json) -> Answer:
        if found.get("succeeded"):
            return Answer("OK", [NEVER, None, None], _revision(found))
        return _became(found, sequence)

    return Asked(transaction, read)


def _outcome(keys: Keys, operation: Operation) -> Asked:
    client, sequence = cast(tuple[str, int], operation.args)
    traces = _traces(keys.session(client), keys.request(client, sequence))
    return Asked(_txn([], traces, []), lambda found: _became(found, sequence))


def _traces(session: str, mark: str) -> list[Json]:
    return [{"request_range": {"key": key}} for key in (session, mark)]


def _became(found: Json, sequence: int) -> Answer:
    """Read what became of a request from its session and its mark, as a session's table has it."""
    sessions, marks = (one["response_range"].get("kvs", []) for one in found["responses"])
    if marks:
        mark, revision = plain(marks[0]["value"]), number(marks[0], "mod_revision")
        if mark[:_DIGEST_BYTES] == _SETTLED:
            return Answer("OK", [NEVER, None, None], _revision(found))
        value = revision if mark[_DIGEST_BYTES:] == _MADE else mark[_DIGEST_BYTES:] == _YES
        return Answer("OK", [APPLIED, revision, value], _revision(found))
    floor = int.from_bytes(plain(sessions[0]["value"]), "big") if sessions else 0
    admitted = (sequence == 1) != bool(sessions) and floor < sequence  # as _admitted has it
    return Answer("OK", [OPEN if admitted else FORGOTTEN, None, None], _revision(found))


def _admitted(session: str, sequence: int) -> list[Json]:
    """Compare whether a session takes a request: the first begins it, later ones are above it."""
    if sequence == 1:
        return [_absent(session)]
    there = {"key": session, "target": "VERSION", "result": "GREATER", "version": 0}
    below = {"key": session, "target": "VALUE", "result": "LESS", "value": _floor(sequence)}
    return [there, below]


def _renewed(keys: Keys, client: str, sequence: int, lease: str) -> list[Json]:
    """Bind the session to the lease, and raise its floor where the window has moved on."""
    session, floor = keys.session(client), sequence - WINDOW
    if sequence == 1:
        return [_put(session, _floor(0), lease)]
    bound = {"request_put": {"key": session, "ignore_value": True, "lease": lease}}
    if floor < 1:
        return [bound]
    lower = {"key": session, "target": "VALUE", "result": "LESS", "value": _floor(floor)}
    forgotten = {"request_delete_range": keys.requests_up_to(client, floor)}
    return [_nested([lower], [_put(session, _floor(floor), lease), forgotten], [bound])]


def _floor(sequence: int) -> str:
    return b64(sequence.to_bytes(8, "big"))


# --- writes ---------------------------------------------------------------------------------------


def _put_one(keys: Keys, args: Sequence[Any]) -> _Write:
    key, value = args
    return _Write([], [_put(keys.row(key), packed(value))], [], False)


def _put_many(keys: Keys, args: Sequence[Any]) -> _Write:
    last = dict(map(tuple, args[0]))
    puts = [_put(keys.row(key), packed(value)) for key, value in last.items()]
    return _Write([], _grouped(puts), [], False)


def _delete(keys: Keys, args: Sequence[Any]) -> _Write:
    row = keys.row(args[0])
    there = {"key": row, "target": "VERSION", "result": "GREATER", "version": 0}
    return _Write([there], [{"request_delete_range": {"key": row}}], [], True)


def _cas(keys: Keys, args: Sequence[Any]) -> _Write:
    key, expected, value = args
    row = keys.row(key)
    held = {"key": row, "target": "VALUE", "result": "EQUAL", "value": ""}
    compare = _absent(row) if expected is None else {**held, "value": packed(expected)}
    return _Write([compare], [_put(row, packed(value))], [], True)


_WRITES: Mapping[str, Callable[[Keys, Sequence[Any]], _Write]] = {
    "put": _put_one,
    "put_many": _put_many,
    "delete": _delete,
    "cas": _cas,
}


# --- reads ----------------------------------------------------------------------------------------


def _get(keys: Keys, operation: Operation) -> Asked:
    (key,) = cast(tuple[str], operation.args)
    wanted = {"key": keys.row(key), "serializable": operation.consistency == LOCAL}
    return _range(wanted, _value)


def _contains(keys: Keys, operation: Operation) -> Asked:
    (key,) = cast(tuple[str], operation.args)
    wanted = {"key": keys.row(key), "count_only": True}
    return _range(wanted, lambda found: number(found, "count") > 0)


def _size(keys: Keys, operation: Operation) -> Asked:
    wanted = {**keys.range("", None), "count_only": True}
    return _range(wanted, lambda found: number(found, "count"))


def _scan(keys: Keys, operation: Operation) -> Asked:
    prefix, start, limit = cast(tuple[str, str | None, int], operation.args)
    wanted = {**keys.range(prefix, start), "limit": limit}
    return _range(wanted, lambda found: _page(keys, found))


def _get_many(keys: Keys, operation: Operation) -> Asked:
    (names,) = cast(tuple[Sequence[str]], operation.args)
    wanted = [{"request_range": {"key": keys.row(key)}} for key in names]

    def read(found: Json) -> Answer:
        values = [_value(one["response_range"]) for one in _steps(found)]
        if len(values) > 1 and sum(map(_bytes, values)) > PAGE_BYTES:
            why = f"the values are over {PAGE_BYTES} bytes in all; ask for fewer at a time"
            return Answer("INVALID", why, _revision(found))
        return Answer("OK", values, _revision(found))

    return Asked(_txn([], _grouped(wanted), []), read)


_READS: Mapping[str, Callable[[Keys, Operation], Asked]] = {
    "get": _get,
    "contains": _contains,
    "size": _size,
    "scan": _scan,
    "get_many": _get_many,
    OUTCOME.name: _outcome,
}
OPERATIONS = frozenset({*_WRITES, *_READS})
"""Names of all that etcd can carry out."""


def _range(wanted: Json, value: Callable[[Json], object]) -> Asked:
    def read(found: Json) -> Answer:
        return Answer("OK", value(found["responses"][0]["response_range"]), _revision(found))

    return Asked(_txn([], [{"request_range": wanted}], []), read)


def _value(found: Json) -> Value | None:
    rows = found.get("kvs", [])
    return unpacked(rows[0]["value"]) if rows else None


def _page(keys: Keys, found: Json) -> list[list[Value]]:
    page: list[list[Value]] = []
    room = PAGE_BYTES
    for row in found.get("kvs", []):
        key, value = keys.key(row["key"]), unpacked(row["value"])
        room -= _bytes(key) + _bytes(value)
        if page and room < 0:
            break
        page.append([key, value])
    return page


def _bytes(value: Value | None) -> int:
    return len(value.encode() if isinstance(value, str) else value or b"")


# --- pieces of a transaction ----------------------------------------------------------------------


def _txn(compare: Sequence[Json], then: Sequence[Json], otherwise: Sequence[Json]) -> Json:
    return {"compare": list(compare), "success": list(then), "failure": list(otherwise)}


def _nested(compare: Sequence[Json], then: Sequence[Json], otherwise: Sequence[Json]) -> Json:
    return {"request_txn": _txn(compare, then, otherwise)}


def _grouped(steps: Sequence[Json]) -> Sequence[Json]:
    """Put steps into transactions of their own until one level holds few enough."""
    while len(steps) > GROUP:
        groups = (steps[at : at + GROUP] for at in range(0, len(steps), GROUP))
        steps = [_nested([], group, []) for group in groups]
    return steps


def _steps(found: Json) -> Iterator[Json]:
    """Yield the answers to steps that were grouped, in their order."""
    for one in found.get("responses", []):
        group = one.get("response_txn")
        yield from [one] if group is None else _steps(group)


def _put(key: str, value: str, lease: str | None = None) -> Json:
    bound = {} if lease is None else {"lease": lease}
    return {"request_put": {"key": key, "value": value, **bound}}


def _absent(key: str) -> Json:
    return {"key": key, "target": "VERSION", "result": "EQUAL", "version": 0}


def _revision(found: Json) -> int:
    return number(found["header"], "revision")
