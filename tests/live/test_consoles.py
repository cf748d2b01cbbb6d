"""The classic system of terminals and sockets: five servers by hand, each with its own console."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import kvrmi
from server.coordinator.ports import free_block
from tests.terminal import Terminal

pytestmark = pytest.mark.live

IDS = (1, 2, 3, 4, 5)


class Consoles:
    """Five servers in five pseudo-terminals, and no coordinator."""

    def __init__(self, data: Path) -> None:
        self.data = data
        base = free_block("127.0.0.1", 25, random.Random())
        self.addresses = [f"127.0.0.1:{base + 5 * i}" for i in range(5)]
        self.terminals: dict[int, Terminal] = {}

    def open(self, server: int, *flags: str) -> Terminal:
        """Start a server by hand, in a terminal of its own."""
        if server in self.terminals:
            self.terminals[server].child.close(force=True)
        peers = ["--address", self.addresses[server - 1], "--peers", ",".join(self.addresses)]
        words = ["-m", "server", str(server), *peers, "--data", str(self.data), "--console"]
        self.terminals[server] = Terminal.python(*words, *flags, columns=120)
        return self.terminals[server]

    def type(self, server: int, line: str, answer: str) -> str:
        """Type a line once the console prompts, and wait for a line of its answer."""
        terminal = self.terminals[server]
        terminal.see(rf"^server {server}>$")
        terminal.keys(f"{line}\r")
        return terminal.see(answer)[0]


@pytest.fixture
def consoles(tmp_path: Path) -> Iterator[Consoles]:
    five = Consoles(tmp_path)
    try:
        for server in IDS:
            five.open(server, "--format")
        yield five
    finally:
        for terminal in five.terminals.values():
            terminal.child.close(force=True)


def test_terminals_and_sockets(consoles: Consoles) -> None:
    for server in IDS:
        consoles.type(server, "c", r"^connecting to other servers")
        others = ", ".join(str(one) for one in IDS if one != server)
        consoles.terminals[server].see(rf"^connected to other servers: {others}")
    with kvrmi.connect(addresses=consoles.addresses, timeout=20) as store:
        store.put("city", "Den Haag")
        _links(consoles)
        consoles.type(3, "failProcess", "failProcess")
        assert consoles.terminals[3].end() == -9
        store.put("written while", "server 3 is down")
    consoles.type(1, "links", r"3 (nobody listens|not connected|does not answer)")
    consoles.open(3)
    consoles.terminals[3].see(r"replica 3 has caught up with replica \d by its (log|snapshot)")
    consoles.type(3, "printKVStore", r'^"written while" +"server 3 is down"')
    consoles.terminals[3].see(r"^2 keys at replica 3, revision 2")
    consoles.type(3, "printBlockchain", r'decided .* put "city" "Den Haag" by \S+/1')
    consoles.type(3, "printQueue", r"^in flight: 0")
    _ends(consoles)


def _links(consoles: Consoles) -> None:
    consoles.type(1, "failLink(1,2)", r"^nothing passes from replica 1 to 2 until fixLink\(1,2\)")
    consoles.type(2, "failLink 1 2", r"^the link 1>2 was cut already; nothing was done")
    consoles.type(2, "links", r"^cut: 1>2")
    consoles.type(1, "fixLink(1,2)", r"^the link 1>2 is fixed")
    consoles.type(2, "reconnect 4 5", r"^connected to other servers: 1, 3$")


def _ends(consoles: Consoles) -> None:
    """A second console is refused; a closed terminal, the input's end and `e` end a server."""
    second = Consoles(consoles.data)
    second.addresses = consoles.addresses
    assert second.open(2).end() == 1
    second.terminals[2].see("is in use by process")
    assert consoles.terminals[4].hang_up() == 0
    consoles.type(5, "\x03e", "ending|e$")
    assert consoles.terminals[5].end() == 0
    consoles.terminals[1].keys("\x04")
    assert consoles.terminals[1].end() == 0
