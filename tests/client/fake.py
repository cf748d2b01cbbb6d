"""A cluster for the client's tests: the whole remote interface on real Pyro5 daemons.

It does no consensus; it can be slow, lose answers, refuse and die on request.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import Pyro5.api

from kvrmi.cluster import config
from kvrmi.cluster.file import dump
from kvrmi.cluster.members import Member
from kvrmi.cluster.naming import split_address
from kvrmi.cluster.timing import Timing
from kvrmi.errors import InvalidRequest, to_builtin
from kvrmi.operations.interface import check, check_request
from kvrmi.remote.identity import make_secret
from tests.client.contents import Contents

Fault = Callable[[str], None]
"""Called with "before" and "after" the operation takes effect; may sleep or raise."""


@Pyro5.api.expose
class Servant:
    """The remote object of one replica."""

    def __init__(self, id: int, contents: Contents) -> None:
        self.id = id
        self.contents = contents
        self.calls: list[str] = []
        self.faults: list[Fault] = []
        self.clients: set[Any] = set()
        self.follows: int | None = 1
        self.goes_on = threading.Event()
        """Not set: nothing is answered, as by a process that was stopped."""
        self.goes_on.set()
        self.reported: dict[str, Any] = {}
        """What its status says in place of, and beside, what a healthy replica says."""

    def _do(self, name: str, args: Sequence[object], request: object = None) -> Any:
        self.calls.append(name)
        self.clients.add(Pyro5.api.current_context.client)
        self.goes_on.wait()
        fault: Fault = self.faults.pop(0) if self.faults else lambda when: None
        try:
            operation, identity = check(name, args), check_request(request)
        except InvalidRequest as error:
            raise to_builtin("INVALID", str(error)) from None
        fault("before")
        value = self.contents.execute(operation, identity)
        fault("after")
        return value

    def put(self, key: Any, value: Any, request: Any = None) -> Any:
        return self._do("put", (key, value), request)

    def get(self, key: Any, consistency: Any = "linearizable") -> Any:
        return self._do("get", (key, consistency))

    def put_many(self, pairs: Any, request: Any = None) -> Any:
        return self._do("put_many", (pairs,), request)

    def call(self, op: Any, args: Any, request: Any = None) -> Any:
        value = self._do(op, args, request)
        return {
            "value": value,
            "revision": self.contents.revision,
            "replica": self.id,
            "leader": self.contents.leader,
            "stale": op == "get" and args[-1] == "local",
        }

    def status(self) -> Any:
        self.clients.add(Pyro5.api.current_context.client)
        self.goes_on.wait()
        return {
            "id": self.id,
            "state": "up",
            "pid": 4711,
            "role": "leader" if self.id == self.contents.leader else "follower",
            "ballot": [1, self.contents.leader],
            "applied": self.contents.revision,
            "chosen": self.contents.revision,
            "revision": self.contents.revision,
            "keys": len(self.contents.rows),
            "digest": "ab" * 32,
            "voter": "acceptor",
            "roles": {"acceptor": {"state": "up", "incarnation": 1}},
            "leader": self.follows,
            "engine": "paxos",
            **self.reported,
        }


class _Stoppable(Pyro5.api.Daemon):  # type: ignore[misc]
    """A daemon whose handshakes wait for its servant."""

    servant: Servant

    def validateHandshake(self, conn: Any, data: Any) -> Any:
        self.servant.goes_on.wait()
        return super().validateHandshake(conn, data)


class Node:
    """A servant on a daemon of its own, which can be killed."""

    def __init__(self, id: int, contents: Contents) -> None:
        self.servant = Servant(id, contents)
        self.daemon = _Stoppable(host="127.0.0.1")
        self.daemon.servant = self.servant
        self.daemon.register(self.servant, f"kvrmi.replica{id}")
        self.address = f"kvrmi.replica{id}@{self.daemon.locationStr}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(AttributeError):  # Pyro's shutdown takes the socket from its loop
            self.daemon.requestLoop()

    def stop(self) -> None:
        """Answer nothing from now on; connections are still taken, as by the kernel."""
        self.servant.goes_on.clear()

    def go_on(self) -> None:
        """Answer again, also what was asked in the meantime."""
        self.servant.goes_on.set()

    def kill(self) -> None:
        """Stop answering at once: the listener and all connections are closed."""
        self.go_on()
        self.daemon.shutdown()
        for client in tuple(self.servant.clients):
            if client is not None:
                client.close()
        self._thread.join(5)


class Cluster:
    """Nodes with the same contents."""

    def __init__(self, count: int) -> None:
        self.contents = Contents()
        self.nodes = [Node(id, self.contents) for id in range(1, count + 1)]
        self.addresses = [node.address for node in self.nodes]

    def introduce(self, id: str) -> None:
        """Let every replica say which cluster it is of, and who the members are."""
        where = [node.address.partition("@")[2] for node in self.nodes]
        members = [[number, address] for number, address in enumerate(where, start=1)]
        for node in self.nodes:
            node.servant.reported |= {"cluster": "fake", "cluster_id": id, "members": members}

    def write_file(self, path: Path, id: str = "deadbeef") -> Path:
        """Write a cluster file and a secret, with ports for roles where nobody listens."""
        members = []
        for number, node in enumerate(self.nodes, start=1):
            host, port = split_address(node.address.partition("@")[2])
            members.append(Member(number, host, {"client": port, "admin": 10 * number}))
        cluster = config.Cluster(
            "fake", id, "paxos", "127.0.0.1:8", "127.0.0.1:9", tuple(members), Timing(), None
        )
        path.parent.mkdir(parents=True)
        path.write_text(dump(cluster))
        make_secret(path.parent / "secret")
        return path

    def servant(self, id: int) -> Servant:
        return self.nodes[id - 1].servant

    def close(self) -> None:
        stops = [threading.Thread(target=node.kill) for node in self.nodes]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()


def refuse(code: str, text: str = "told to") -> Fault:
    """Make a fault: answer with an error and do nothing."""

    def fault(when: str) -> None:
        if when == "before":
            raise to_builtin(code, text)

    return fault


def stall(seconds: float, when: str = "after") -> Fault:
    """Make a fault: answer late."""

    def fault(now: str) -> None:
        if now == when:
            time.sleep(seconds)

    return fault


def lose_answer(when: str) -> None:
    """Be a fault: take effect, then break the connection."""
    if when == "after":
        Pyro5.api.current_context.client.close()
