"""Every port of a live cluster, and a raw hand that knocks on it."""

from __future__ import annotations

import contextlib
import socket
from typing import Any, NamedTuple

from kvrmi.cluster import naming
from kvrmi.remote.channel import Channel
from kvrmi.remote.frames import CONNECT, CONNECT_OK, INVOKE, Frame, pack
from kvrmi.remote.identity import Credentials
from kvrmi.remote.payload import SERPENT, Call, dump, dump_call, load
from kvrmi.remote.stream import Stream
from tests.live.cluster import LiveCluster

TIMEOUT = 60.0
ROLES = ("proposer", "acceptor", "learner")


class Daemon(NamedTuple):
    """A daemon: its object's name, its address, and whether strangers are let in."""

    name: str
    host: str
    port: int
    is_open: bool

    def knock(self) -> Raw:
        """Connect, and say nothing yet."""
        return Raw(self)


class Raw:
    """A connection on which anything can be sent."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.sock = socket.create_connection((daemon.host, daemon.port), TIMEOUT)
        self.channel = Channel(Stream(self.sock), 64 << 20)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.channel.close()

    def send(self, data: bytes) -> None:
        """Send what the other side may no longer want."""
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(data)

    def shake(self, shown: object = "hello", serializer: int = SERPENT) -> Frame:
        data = dump(serializer, {"handshake": shown, "object": self.daemon.name})
        self.send(pack(CONNECT, serializer, 0, 0, data))
        return self.channel.receive(TIMEOUT)

    def shaken(self, shown: object = "hello") -> Raw:
        assert self.shake(shown).kind == CONNECT_OK
        return self

    def enter(self, credentials: Credentials) -> Frame:
        """Announce, have the other side prove itself, and prove what was announced."""
        announced = credentials.announce()
        frame = self.shake(announced)
        if frame.kind != CONNECT_OK:
            return frame
        answer = load(frame.serializer, frame.payload)["handshake"]
        return self.shake(credentials.prove(self.daemon.name, announced, answer))

    def entered(self, credentials: Credentials) -> Raw:
        assert self.enter(credentials).kind == CONNECT_OK
        return self

    def call(self, method: str, *args: object, flags: int = 0, serializer: int = SERPENT) -> None:
        data = dump_call(serializer, Call(self.daemon.name, method, args, {}))
        self.send(pack(INVOKE, serializer, flags, 1, data))

    def answer(self) -> Any:
        frame = self.channel.receive(TIMEOUT)
        return load(frame.serializer, frame.payload)

    def ask(self, method: str, *args: object) -> Any:
        self.call(method, *args)
        return self.answer()

    def is_closed(self, seconds: float = TIMEOUT) -> bool:
        """Wait for the other side to close; False if it answers, or does neither in time."""
        try:
            self.channel.receive(seconds)
        except TimeoutError:
            return False
        except OSError:
            return True
        return False


def daemons(live: LiveCluster, replica: int) -> dict[str, Daemon]:
    """All daemons of one replica, the name server's and the coordinator's."""
    member = live.cluster.member(replica)
    host = member.host
    found = {
        "client": Daemon(naming.kvstore(replica), host, member.client, True),
        "admin": Daemon(naming.admin(replica), host, member.admin, False),
        "nameserver": Daemon(naming.NAMESERVER, *_split(live.cluster.nameserver), True),
        "coordinator": Daemon(naming.COORDINATOR, *_split(live.cluster.coordinator), True),
    }
    for role in ROLES:
        found[role] = Daemon(naming.role(replica, role), host, member.ports[role], False)
    return found


def _split(address: str) -> tuple[str, int]:
    return naming.split_address(address)
