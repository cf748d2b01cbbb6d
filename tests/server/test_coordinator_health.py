"""An entry of a replica whose process, or whose answer, is missing."""

from __future__ import annotations

from kvrmi.cluster.members import Member
from kvrmi.cluster.status import ReplicaEntry
from server.coordinator.health import describe

UP: ReplicaEntry = {"id": 3, "state": "up", "role": "follower", "pid": 77}


def test_an_entry_without_an_answer() -> None:
    member = Member(3, "127.0.0.1", {"client": 3333, "admin": 3337})
    down = describe(member, None, False, None, None)
    assert (down["id"], down["state"], down["pid"]) == (3, "down", None)
    assert down["address"] == "127.0.0.1:3333"
    assert (down["applied"], down["roles"], down["digest"]) == (None, None, None)
    hung = describe(member, 77, False, None, None)
    assert (hung["state"], hung["pid"]) == ("not answering", 77)
    held = describe(member, None, True, "killed on purpose", UP)
    assert (held["state"], held["reason"]) == ("held", "killed on purpose")
    failed = describe(member, None, False, "ended with exit status 3", None)
    assert (failed["state"], failed["reason"]) == ("down", "ended with exit status 3")
    assert describe(member, 77, False, None, UP) == UP
