"""The classic system of terminals and sockets: five servers by hand, each with its own console."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import termios
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kvrmi
from server.console.commands import COMMANDS
from server.coordinator.found import main as found
from server.ports import free_block
from tests.terminal import Terminal

from .cluster import LiveCluster, wait_for

pytestmark = pytest.mark.live

IDS = (1, 2, 3, 4, 5)


class Consoles:
    """Five servers in five pseudo-terminals, each with a folder of its own; no coordinator."""

    def __init__(self, data: Path) -> None:
        base = free_block("127.0.0.1", 25, random.Random())
        self.addresses = [f"127.0.0.1:{base + 5 * i}" for i in range(5)]
        assert found(["--hosts", ",".join(self.addresses), "--data", str(data / "1")]) == 0
        for server in IDS[1:]:
            shutil.copytree(data / "1", data / str(server))
        self.data = data
        self.terminals: dict[int, Terminal] = {}
        self.typed: Counter[tuple[Terminal, str]] = Counter()

    def start(self, server: int, *flags: str) -> Terminal:
        """Start a server by hand, in a terminal of its own."""
        words = ["-m", "server", str(server), "--config", str(self.config(server)), "--console"]
        return Terminal.python(*words, *flags, columns=120)

    def open(self, server: int, *flags: str) -> Terminal:
        """Start one of the five; what ran in its terminal is over."""
        if server in self.terminals:
            self.terminals[server].child.close(force=True)
        self.terminals[server] = self.start(server, *flags)
        return self.terminals[server]

    def config(self, server: int) -> Path:
        """Name the cluster file of a server's folder."""
        return self.data / str(server) / "cluster.toml"

    def ask(self, *lines: str) -> str:
        """Give commands of a client; all that it printed."""
        return asked(self.config(1), *lines)

    def type(self, server: int, line: str, answer: str) -> str:
        """Type a line once the console prompts, and wait for its answer: what follows the line."""
        terminal, prompt = self.terminals[server], rf"^server {server}>"
        terminal.see(rf"{prompt}\Z")  # the last thing there is, not one that was given up
        terminal.keys(f"{line}\r")
        typed = line.strip("\x03")
        self.typed[terminal, typed] += 1
        lines = rf"(?:{prompt} {re.escape(typed)}$[\s\S]*?){{{self.typed[terminal, typed]}}}"
        return terminal.see(lines + answer)[0]

    def type_until(self, server: int, line: str, answer: str) -> None:
        """Type a line again and again: what it reports takes its time to be so."""
        ended = rf"^server {server}>\Z"
        wait_for(lambda: re.search(answer, self.type(server, line, ended)), answer)


def asked(config: Path, *lines: str) -> str:
    """Give lines to a client, as in a pipe; what it printed, errors too."""
    done = subprocess.run(
        [sys.executable, "-m", "client", "--config", str(config)],
        input="\n".join(lines) + "\n",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return done.stdout


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
        consoles.type(3, "failProcess", "")
        assert consoles.terminals[3].end() == -9
        store.put("written while", "server 3 is down")
    consoles.type_until(1, "links", r"3 (nobody listens|not connected|does not answer)")
    consoles.open(3)
    consoles.terminals[3].see(r"replica 3 has caught up with replica \d by its (log|snapshot)")
    consoles.type(3, "printKVStore", r'^"written while" +"server 3 is down"')
    consoles.terminals[3].see(r"^2 keys at replica 3, revision 2")
    consoles.type(3, "printBlockchain", r'decided .* put "city" "Den Haag" by \S+/1')
    consoles.type(3, "printQueue", r"^in flight: 0")
    _orders(consoles)
    _quorum(consoles)
    _ends(consoles)
    tried = {re.split(r"\W", line)[0] for _, line in consoles.typed}
    assert tried == {form.name for form in COMMANDS}, "a command is not tried"


def _links(consoles: Consoles) -> None:
    consoles.type(1, "failLink(1,2)", r"^nothing passes from replica 1 to 2 until fixLink\(1,2\)")
    consoles.type(2, "failLink 1 2", r"^the link 1>2 was cut already; nothing was done")
    consoles.type(2, "links", r"^cut: 1>2")
    consoles.type(1, "fixLink(1,2)", r"^the link 1>2 is fixed")
    consoles.type(2, "reconnect 4 5", r"^connected to other servers: 1, 3$")


def _orders(consoles: Consoles) -> None:
    """Give a client's orders where no coordinator is."""
    said = consoles.ask("START 3", "RESTORE 3 1", "failProcess 3", "FAIL 2 learner 0.1")
    assert "Start replica 3 by hand where it ran" in said
    assert "replica 3 has caught up with replica " in said
    assert "replica 3 is down until somebody starts it again by hand" in said
    assert consoles.terminals[3].end() == -9
    consoles.open(3)
    # Another one is taken, and named, where a link is not there again yet.
    consoles.type(3, "restore 2", r"replica 3 has caught up with replica \d")


def _quorum(consoles: Consoles) -> None:
    """What would lose the quorum needs a word more; a line ends where the terminal does."""
    consoles.type(4, "status", r"^replica 5: up, (leader|follower), ballot ")
    consoles.type(5, "failProcess", "")
    assert consoles.terminals[5].end() == -9
    consoles.type(4, "failProcess", "")
    assert consoles.terminals[4].end() == -9
    consoles.type(3, "failProcess", "^NO_QUORUM: killing replica 3 would lose the majority of 3")
    consoles.type(3, "failLink(1,2) both", "^nothing passes between replicas 1 and 2")
    consoles.terminals[3].resize(80)
    consoles.type(3, "failLink(2,3)", r"2 to 3 would lose the majority of 3;\n    nothing was done")
    consoles.type(3, "fixLink(1,2) both", "^the link 1-2 is fixed")
    consoles.terminals[3].resize(120)
    for server in (4, 5):
        consoles.open(server)
    consoles.type(4, "help", r"^e \[force\] +end this server cleanly")
    consoles.type(4, "log on", "")
    consoles.type(4, "log off", "")


def _ends(consoles: Consoles) -> None:
    """A second console is refused; a closed terminal, the input's end and `e` end a server."""
    with consoles.start(2) as second:
        assert second.end() == 1
        second.see(r"is\s+in\s+use\s+by\s+process")
    assert consoles.terminals[4].hang_up() == 0
    shutil.rmtree(consoles.data / "3" / "replica3", ignore_errors=True)  # files may come meanwhile
    assert consoles.terminals[3].end() == 3
    consoles.terminals[3].see(r"the\s+folder\s+was\s+deleted,\s+moved\s+or\s+changed\s+in\s+use")
    assert _is_as_it_was(consoles.terminals[3])
    consoles.type(5, "\x03e", "^NO_QUORUM: stopping replica 5 would lose the majority of 3")
    consoles.terminals[5].see(r"^server 5>\Z")
    consoles.terminals[5].keys("\x04")
    consoles.terminals[5].see(r"^Ctrl-D again ends this server all the same\n(.*\n)*server 5>\Z")
    consoles.terminals[5].keys("\x04")
    assert consoles.terminals[5].end() == 0
    consoles.type(1, "e force", "")
    assert consoles.terminals[1].end() == 0
    consoles.terminals[2].see(r"^server 2>\Z")
    consoles.terminals[2].keys("\x04")
    assert consoles.terminals[2].end() == 0, "no quorum is lost that is not there"


def _is_as_it_was(terminal: Terminal) -> bool:
    return bool(termios.tcgetattr(terminal.child.child_fd)[3] & termios.ICANON)


def test_terminals_and_sockets_from_a_client(live: LiveCluster) -> None:
    leader = live.leader()
    follower, other = live.followers()[:2]
    said = asked(
        live.config,
        "PUT classic/city Delft",
        f"failLink({follower},{other})",
        f"failLink {follower} {other}",
        "links",
        f"fixLink({follower},{other})",
        f"server {follower} reconnect {other}",
        f"printBlockchain {follower} --last 5",
        f"printKVStore {follower}",
        "printQueue",
        "failLink(1,1)",
        "printQueue 99",
    )
    for text in (
        f"nothing passes from replica {follower} to {other} until fixLink({follower},{other})",
        f"the link {follower}>{other} was cut already; nothing was done",
        f"\ncut: {follower}>{other}\n",
        f"the link {follower}>{other} is fixed",
        "\nconnected to other servers: ",
        'put "classic/city" "Delft" by ',
        f" at replica {follower}, revision ",
        "\nin flight: 0\n",
        "replica 1 has no link to itself; nothing was done",
        "there is no replica 99, only ",
    ):
        assert text in said, said
    assert leader is not None


def test_a_process_that_failed_at_its_console_is_down_until_start(live: LiveCluster) -> None:
    victim = live.followers()[-1]
    assert f"replica {victim} is down until START {victim}" in asked(
        live.config, f"failProcess({victim})"
    )
    config = str(live.config)
    with Terminal.python("-m", "server", str(victim), "--config", config, "--console") as console:
        console.see(rf"^server {victim}>$")
        console.keys("help\r")
        console.see(rf"leaves this server held: down until START {victim}")
        console.keys("failProcess\r")
        assert console.end() == -9
    with live.orders() as orders:
        wait_for(lambda: _state(orders, victim) == "held", "a failed process that stays down")
        orders.start(victim)
    live.settle()


def _state(orders: Any, replica: int) -> str:
    return next(str(one["state"]) for one in orders.status()["replicas"] if one["id"] == replica)
