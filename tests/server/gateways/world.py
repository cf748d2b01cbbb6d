"""Gateways on a reactor that turns, before an engine of one store: real sockets, no cluster."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from kvrmi.operations.interface import OPERATIONS, Done, Operation, Result
from kvrmi.remote.reactor import Reactor
from kvrmi.state.keyvalue import KeyValues
from server.gateways.tcp import TcpGateway
from server.gateways.udp import UdpGateway
from server.intake import Intake

HOST = "127.0.0.1"


class TurningEngine:
    """Carries out each operation in a later round of the reactor, unless it is held back."""

    name = "stub"
    capabilities = frozenset(OPERATIONS)

    def __init__(self, reactor: Reactor) -> None:
        self.store = KeyValues()
        self.asked: list[tuple[str, tuple[str, int] | None]] = []
        self.held: list[Callable[[], None]] | None = None
        """Operations that are open, while a test holds them back."""
        self._reactor = reactor
        self._revision = 0

    def submit(self, operation: Operation, request: tuple[str, int] | None, done: Done) -> None:
        self.asked.append((operation.name, request))

        def carry_out() -> None:
            done(self._carried_out(operation))

        if self.held is None:
            self._reactor.soon(carry_out)
        else:
            self.held.append(carry_out)

    def release(self) -> None:
        held, self.held = self.held or [], None
        for one in held:
            self._reactor.soon(one)

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        raise NotImplementedError

    def status(self) -> dict[str, object]:
        return {"id": 1}

    def _carried_out(self, operation: Operation) -> Result:
        method = getattr(self.store, operation.name)
        self._revision += not operation.reads
        first = () if operation.reads else (self._revision,)
        return Result("OK", method(*first, *operation.args), self._revision, 1, 1, False)


class World:
    """Both gateways, open."""

    def __init__(self, apart: ThreadPoolExecutor, *, log_requests: bool = False) -> None:
        self.reactor = Reactor()
        self.engine = TurningEngine(self.reactor)
        self.intake = Intake(self.engine, apart.submit)
        about = {"replica": 1}
        common = HOST, 0, self.reactor, self.intake, lambda: about
        self.tcp = TcpGateway(*common, log_requests=log_requests)
        self.udp = UdpGateway(*common, log_requests=log_requests)
        self.thread = threading.Thread(target=self.reactor.run, daemon=True)
        self.thread.start()
        self.tcp.open()
        self.udp.open()

    def connect(self) -> socket.socket:
        return socket.create_connection((HOST, self.tcp.port), 10)

    def says(self, data: bytes, *, closes: bool = True) -> bytes:
        """All that the gateway answers to who sends this, and then closes his side."""
        with self.connect() as client:
            client.sendall(data)
            if closes:
                client.shutdown(socket.SHUT_WR)
            return rest(client)

    def store(self, key: str, value: bytes) -> None:
        """Have a value there that is too long for a line."""
        self.engine.store.put(1, key, value)

    def datagram(self, data: bytes) -> bytes:
        with self.datagrams() as client:
            client.send(data)
            return client.recv(1 << 16)

    def datagrams(self) -> socket.socket:
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.settimeout(60)
        client.connect((HOST, self.udp.port))
        return client


def rest(client: socket.socket) -> bytes:
    """Read until the other end closes."""
    found = b""
    while data := client.recv(1 << 16):
        found += data
    return found


def received(client: socket.socket, count: int) -> bytes:
    """Read so many bytes."""
    found = b""
    while len(found) < count and (data := client.recv(count - len(found))):
        found += data
    return found


@contextmanager
def world(*, log_requests: bool = False) -> Iterator[World]:
    with ThreadPoolExecutor(2) as apart:
        made = World(apart, log_requests=log_requests)
        try:
            yield made
        finally:
            made.tcp.cut()
            made.udp.cut()
            alive = made.thread.is_alive()
            made.reactor.stop()
            made.thread.join(60)
    assert alive, "nothing that a client does ends the reactor"
