"""An entry of a replica whose process, or whose answer, is missing."""

from __future__ import annotations

import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest
from Pyro5.api import current_context

from kvrmi.cluster import naming
from kvrmi.cluster.members import Member
from kvrmi.cluster.status import ReplicaEntry
from kvrmi.errors import ConnectionFailed
from kvrmi.remote.daemon import Daemon
from server.coordinator.health import Admins, describe
from tests.remote.rig import exposed

UP: ReplicaEntry = {"id": 3, "state": "up", "role": "follower", "pid": 77}


def test_an_entry_without_an_answer() -> None:
    member = Member(3, "127.0.0.1", {"client": 3333, "admin": 3337})
    down = describe(member, None, False, None, None)
    assert (down["id"], down["state"], down["pid"]) == (3, "down", None)
    assert down["address"] == "127.0.0.1:3333"
    assert (down["applied"], down["roles"], down["digest"]) == (None, None, None)
    hung = describe(member, 77, False, None, None)
    assert (hung["state"], hung["pid"]) == ("not answering", 77)
    begun = describe(member, 77, False, None, None, starting=True)
    assert (begun["state"], begun["pid"], begun["reason"]) == ("starting", 77, None)
    again = describe(member, 77, False, "ended with exit status 1 (why)", None, starting=True)
    assert again["reason"] == "it was down before: ended with exit status 1 (why)"
    held = describe(member, None, True, "killed on purpose", UP)
    assert (held["state"], held["reason"]) == ("held", "killed on purpose")
    failed = describe(member, None, False, "ended with exit status 3", None)
    assert (failed["state"], failed["reason"]) == ("down", "ended with exit status 3")
    assert describe(member, 77, False, None, UP) == UP


class Replica:
    """An admin object that reports which connection asked."""

    def __init__(self, port: int = 0) -> None:
        self.connections: list[int] = []
        self._daemon = Daemon("127.0.0.1", port, admit=None, pool=5, max_message=1 << 20, idle=60.0)
        self._daemon.register(self, naming.admin(1))
        self._daemon.start()
        self.port = self._daemon.port
        self.cut = self._daemon.cut

    @exposed
    def status(self) -> dict[str, object]:
        self.connections.append(id(current_context.client))
        return {"id": 1, "state": "up"}


def test_who_is_asked_each_second_is_asked_over_one_connection() -> None:
    """Making one costs a replica a thread and a proof; one that was restarted has a new one."""
    replica = Replica()
    member = SimpleNamespace(host="127.0.0.1", admin=replica.port)
    cluster, credentials = SimpleNamespace(member=lambda _: member), None
    admins = Admins(cluster, credentials)  # type: ignore[arg-type]
    try:
        assert [admins.examine(1) for _ in range(3)] == [{"id": 1, "state": "up"}] * 3
        assert len(set(replica.connections)) == 1
        replica.cut()
        assert admins.examine(1) is None
        replica = Replica(replica.port)
        assert [admins.examine(1) for _ in range(2)] == [{"id": 1, "state": "up"}] * 2
        assert len(set(replica.connections)) == 1
    finally:
        replica.cut()
        kept: Any = admins._kept[1]
        kept._pyroRelease()


def test_an_order_to_one_that_hangs_is_given_up_soon_and_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:  # which never accepts
        port = hung.getsockname()[1]
        cluster = SimpleNamespace(
            member=lambda _: Member(1, "127.0.0.1", {"client": 1, "admin": port})
        )
        admins = Admins(cluster, None)  # type: ignore[arg-type]
        began = time.monotonic()
        with pytest.raises(ConnectionFailed, match=f"^replica 1 does not answer at .*:{port}: "):
            admins.call(1, "restore", 2, timeout=60.0)
        assert time.monotonic() - began < 10
