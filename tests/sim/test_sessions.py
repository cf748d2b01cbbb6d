"""Sessions of simulated clients: several requests open, expired, refused and given up."""

from __future__ import annotations

from collections import Counter

import pytest

from kvrmi.operations.interface import WINDOW
from kvrmi.sim.paxos.histories import PAXOS
from kvrmi.sim.paxos.request_ids import Sessions, numbered
from kvrmi.sim.run import run
from kvrmi.state import clienttable

from .honest import honest


def test_requests_are_open_together_and_sessions_expire_and_are_given_up() -> None:
    seen: Counter[str] = Counter()
    for seed in range(40):
        assert not honest(seed).ended.violation
        seen += honest(seed).sessions
    assert min(seen["open together"], seen["expired"], seen["OK"]) > 30, seen
    assert min(seen["undone"], seen["UNKNOWN_OUTCOME"]) > 0, seen


def test_a_session_that_is_forgotten_too_soon_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even though the machine that replays the log forgets it too."""
    init = clienttable.ClientTable.__init__

    def fewer(self: clienttable.ClientTable, limit: int = clienttable.SESSION_LIMIT) -> None:
        init(self, 1)

    monkeypatch.setattr(clienttable.ClientTable, "__init__", fewer)
    violations = [run(PAXOS, seed).violation for seed in range(4)]
    assert any("session expired" in violation for violation in violations), violations


def test_sessions_have_numbers() -> None:
    ids = numbered("a")
    first = ids.take()
    assert first == ("a.1", 1)
    ids.expire(first)
    assert ids.take() == ("a.2", 1)


def test_which_sessions_the_cluster_must_know() -> None:
    known = Sessions(2)
    for client in ("a", "b"):
        known.add(client, 1)
    known.add("a", 100)
    assert known.knows("a", 100 - WINDOW)
    assert not known.knows("a", 99 - WINDOW)
    known.add("c", 1)
    assert (known.knows("a", 100), known.knows("b", 1), known.knows("c", 1)) == (True, False, True)


def test_what_a_session_did_before_it_was_forgotten_may_run_again_once_its_first_did() -> None:
    known = Sessions(1)
    known.add("a", 1)
    known.add("a", 3)
    assert [known.may_do("a", n) for n in (1, 2, 3)] == [False, True, False]
    known.add("b", 1)
    assert [known.may_do("a", n) for n in (1, 3)] == [True, False]
    known.add("a", 1)
    assert [known.may_do("a", n) for n in (1, 3)] == [False, True]
