"""What is under way: blocks that only the acceptor has, requests by what they wait for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kvrmi.operations.commands import encode_command, encode_question
from kvrmi.operations.interface import Answer, Request
from kvrmi.operations.table import KEY_VALUE
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.submissions import Held, Submission
from kvrmi.state.log import chain, pack_batch
from server.engines.pending import REQUESTS, queue, tentative
from server.rolehost import Fenced

BALLOT = Ballot(3, 2)
HASH = b"h" * 32


class Host:
    """A role that is up, or down."""

    def __init__(self, role: object) -> None:
        self.role = role

    def ask(self, question: Any) -> Any:
        if self.role is None:
            raise Fenced("it is down")
        return question(self.role, 10.0)


def put(number: int) -> bytes:
    return encode_command("put", ("k", "v"), ("client", number))


def hosts(accepted: dict[int, Any] | None, applied: int = 7) -> Any:
    learner = SimpleNamespace(applied=applied, log=SimpleNamespace(hash=HASH))
    acceptor = None if accepted is None else SimpleNamespace(accepted=accepted)
    return {"acceptor": Host(acceptor), "learner": Host(learner)}


def test_what_is_accepted_beyond_what_is_applied_is_tentative() -> None:
    value = pack_batch([put(1)])
    found: Any = tentative(hosts({slot: (BALLOT, value) for slot in (6, 8, 10)}), KEY_VALUE)
    first, behind_a_gap = found["blocks"]
    assert (found["applied"], first["slot"], behind_a_gap["slot"]) == (7, 8, 10)
    assert (first["ballot"], first["count"], first["commands"][0]["op"]) == ([3, 2], 1, "put")
    assert (first["previous"], first["hash"]) == (HASH.hex(), chain(HASH, 8, value).hex())
    assert (behind_a_gap["previous"], behind_a_gap["hash"]) == (None, None)


def test_without_an_acceptor_nobody_knows_and_without_a_learner_it_is_refused() -> None:
    assert tentative(hosts(None), KEY_VALUE) == {"applied": 7, "blocks": None}
    roles = hosts({})
    roles["learner"] = Host(None)
    with pytest.raises(Fenced):
        tentative(roles, KEY_VALUE)


def test_each_request_stands_once_by_what_it_waits_for() -> None:
    def write(number: int) -> Submission:
        return Submission(Request(False, put(number)), 12.5, repeatable=True)

    read = Submission(Request(True, encode_question("get", ("k",))), 9.0, repeatable=False)
    done, away, sent = write(1), write(2), write(3)
    done.settle(Answer("OK", 1, 1))
    waiting = [write(number) for number in range(10, 11 + REQUESTS)]
    front = SimpleNamespace(held=Held([*waiting, done], [sent, away], [away], [read]))
    roles: Any = {"front": Host(front)}
    found: Any = queue(roles, KEY_VALUE)
    assert found["counts"] == {"waiting": REQUESTS + 1, "in_flight": 2, "forwarded": 1}
    assert len(found["waiting"]) == REQUESTS
    assert [one["op"] for one in found["in_flight"]] == ["put", "get"]
    assert [one["left"] for one in found["in_flight"]] == [2.5, 0.0]
    assert found["forwarded"][0]["id"] == ["client", 2]
