"""What binds the roles at a moment: little of it, and null of a role that is down."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from server.engines.moment import SLOTS, moment

from .test_pending import Host

BALLOT = Ballot(3, 2)
NOW = 10.0
"""What hosts of these tests say the time is."""


def hosts(**roles: object) -> Any:
    return {
        "acceptor": Host(roles.get("acceptor")),
        "proposer": Host(
            SimpleNamespace(leading=True, ballot=BALLOT, may_read=lambda now: now < NOW + 1)
        ),
        "learner": Host(SimpleNamespace(target=9, applied=7)),
        "front": Host(
            SimpleNamespace(held=SimpleNamespace(waiting=[1], sent=[1, 2], forwarded=[]))
        ),
    }


def acceptor(promised: Ballot, accepted: dict[int, Any]) -> Any:
    state = SimpleNamespace(promised=promised)
    return SimpleNamespace(state=state, accepted=accepted, bound=lambda now: (0.4, now - NOW))


def test_each_role_says_what_binds_it() -> None:
    value = (BALLOT, b"value")
    found = moment(hosts(acceptor=acceptor(BALLOT, dict.fromkeys(range(100), value))))
    of_acceptor: Any = found["acceptor"]
    assert of_acceptor["accepted"][:2] == [[99, [3, 2]], [98, [3, 2]]]
    assert len(of_acceptor["accepted"]) == SLOTS
    assert {**of_acceptor, "accepted": []} == {
        "promised": [3, 2],
        "grant": 0.4,
        "hold": 0.0,
        "accepted": [],
    }
    assert found["proposer"] == {"leads": True, "ballot": [3, 2], "reads": True}
    assert found["learner"] == {"chosen": 9, "applied": 7}
    assert found["front"] == {"waiting": 1, "sent": 2, "forwarded": 0}


def test_one_that_is_down_is_null_and_one_that_never_promised_says_so() -> None:
    assert moment(hosts())["acceptor"] is None
    found: Any = moment(hosts(acceptor=acceptor(NO_BALLOT, {})))
    assert found["acceptor"]["promised"] is None
