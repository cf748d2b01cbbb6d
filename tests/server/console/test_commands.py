"""What is typed at a console: understood in both spellings, refused before anything is done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kvrmi.access.verbs import Shown
from kvrmi.cluster.cuts import Cuts
from kvrmi.errors import ConnectionFailed, InvalidRequest
from server.console.commands import COMMANDS, Commands, Leave


class Admins:
    """Three replicas' admin objects, as far as links go; each call is noted."""

    def __init__(self) -> None:
        self.ids = (1, 2, 3)
        self.coordinated = False
        self.tables = {replica: Cuts() for replica in self.ids}
        self.down: set[int] = set()
        self.calls: list[tuple[object, ...]] = []

    def replica(self, replica: int, method: str, *args: Any, timeout: float = 0.0) -> Any:
        if replica not in self.ids:
            raise InvalidRequest(f"there is no replica {replica}")
        if replica in self.down:
            raise ConnectionFailed(f"replica {replica} does not answer")
        if method != "status":
            self.calls.append((replica, method, *args))
        table = self.tables[replica]
        if method in ("cut", "heal"):
            return getattr(table, method)(*args)
        if method == "status":
            roles = {name: {"state": "up", "incarnation": 1} for name in ("proposer", "acceptor")}
            about = {"id": replica, "state": "up", "voter": "acceptor", "roles": roles}
            return {**about, "cuts": table.pairs()}
        return [
            {
                "replica": peer,
                "address": "",
                "state": state,
                "why": "",
                "cuts": table.pairs() if method == "links" else [],
            }
            for peer, state in ((2, "connected"), (3, "refused"))
        ]

    def coordinator(self, method: str, *args: object) -> None:
        self.calls.append((method, *args))
        raise ConnectionFailed("it is down")


class Console:
    """The console of replica 1."""

    def __init__(self) -> None:
        admins: Any = Admins()
        self.admins: Any = admins
        self.killed = 0
        self.shown: list[bool] = []
        self.commands = Commands(1, admins, kill=self._kill, show_log=self.shown.append)

    def _kill(self) -> None:
        self.killed += 1

    def run(self, line: str) -> str:
        return "\n".join(self.commands.run(line))


def test_a_link_is_cut_in_one_direction_or_both_and_fixed() -> None:
    console = Console()
    tables = console.admins.tables
    assert console.run("failLink(1,2)") == "nothing passes from replica 1 to 2 until fixLink(1,2)"
    cut = {one: table.pairs() for one, table in tables.items()}
    assert cut == {
        1: [(1, 2)],
        2: [(1, 2)],
        3: [],
    }
    assert console.run("faillink 1 2") == "the link 1>2 was cut already; nothing was done"
    assert "between replicas 1 and 2" in console.run("FAILLINK(1, 2) both")
    assert console.run("fixLink 2 1") == "the link 2>1 is fixed"
    assert tables[1].pairs() == [(1, 2)]
    assert console.run("fixLink(2,1)") == "the link 2>1 was not cut; nothing was done"
    assert json.loads(console.run("fixLink(1,2) both --json")) == {"healed": [[1, 2]]}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("jump", "'jump' is no command, help lists them; nothing was done"),
        ("failLink", "a link is two numbers; nothing was done; usage: failLink(src,dest) [both]"),
        ("failLink(1)", "a link is two numbers"),
        ("failLink(1,2) bath", "a link is two numbers"),
        ("failLink(1,two)", "'two' is no number from 1"),
        ("failLink(1,0)", "'0' is no number from 1"),
        ("failLink(2,2)", "replica 2 has no link to itself; nothing was done"),
        ("reconnect 2 x", "'x' is no number from 1; nothing was done; usage: reconnect [id ...]"),
        ("failProcess 3", "'3' is one word too many; nothing was done; usage: failProcess"),
        ("failProcess force 3", "'3' is one word too many"),
        ("printBlockchain 3", "'3' is one word too many"),
        ("printBlockchain --last", "--last takes one number; nothing was done; usage: "),
        ("printBlockchain --last 1 2", "--last takes one number"),
        ("log", "on or off is missing"),
        ("e now", "'now' is one word too many"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_done(line: str, text: str) -> None:
    console = Console()
    assert text in console.run(line)
    assert (console.admins.calls, console.killed) == ([], 0)


def test_what_was_not_done_is_said_once() -> None:
    said = Console().run("failLink(1,9)")
    assert said.startswith("there is no replica 9; nothing was cut; usage: failLink(src,dest)")


def test_links_shows_a_cut_that_only_the_other_end_keeps() -> None:
    """As after a restart, which forgets this end's."""
    console = Console()
    console.admins.tables[2].cut(1, 2)
    assert console.run("links") == "replica 1: 2 connected, 3 nobody listens\ncut: 1>2"


def test_what_would_lose_the_quorum_needs_a_word_more() -> None:
    console = Console()
    console.admins.down.add(3)
    assert console.run("failLink(1,2)") == (
        "NO_QUORUM: cutting the link from replica 1 to 2 would lose the majority of 2; nothing was "
        "done; add the word force to do it all the same"
    )
    assert "NO_QUORUM: killing replica 1 would lose the majority of 2" in console.run("failProcess")
    for line in ("e", "exit", "quit"):
        assert "NO_QUORUM: stopping replica 1 would lose the majority of 2" in console.run(line)
    assert (console.admins.calls, console.killed) == ([], 0)
    with pytest.raises(Leave):
        console.run("e force")
    assert "nothing passes from replica 1 to 2" in console.run("failLink(1,2) force")
    assert console.run("failProcess --force") == ""
    assert console.killed == 1


def test_where_there_is_no_quorum_none_can_be_lost() -> None:
    console = Console()
    console.admins.down |= {2, 3}
    assert console.run("failProcess") == ""
    assert console.killed == 1


def test_lines_for_people_are_fitted_and_those_of_programs_are_not() -> None:
    console = Console()
    admins: Any = console.admins
    commands = Commands(1, admins, kill=print, show_log=print, fit=lambda line: line[:12])
    assert list(commands.run("reconnect 3")) == ["connected to"]
    assert list(commands.run("jump")) == ["'jump' is no"]
    assert json.loads(*commands.run("links --json"))["cut"] == []


def test_each_connection_has_its_result() -> None:
    console = Console()
    assert list(console.commands.run("c")) == [
        "connecting to other servers",
        "connected to other servers: 2; not to 3 nobody listens",
    ]
    assert console.run("reconnect 3") == "connected to other servers: 2"
    assert console.admins.calls == [(1, "connect"), (1, "reconnect", [3])]


def test_beside_a_coordinator_a_failed_process_is_held_and_alone_it_only_ends() -> None:
    console = Console()
    assert console.run("failProcess") == ""
    assert (console.admins.calls, console.killed) == ([], 1)
    console.admins.coordinated = True
    console.run("failProcess()")
    assert (console.admins.calls, console.killed) == ([("kill", 1, True)], 2)
    assert "leaves this server held: down until START 1" in console.run("help")


def test_the_log_is_shown_when_asked_for_and_e_leaves() -> None:
    console = Console()
    assert console.run("log on") + console.run("LOG OFF") + console.run("  ") == ""
    assert console.shown == [True, False]
    for line in ("e", "EXIT", " quit "):
        with pytest.raises(Leave):
            console.run(line)


def test_help_names_every_command_and_what_is_so_without_a_coordinator() -> None:
    console = Console()
    text = console.run("help")
    assert all(form.usage in text for form in COMMANDS)
    assert "The state held does not exist here" in text


def test_bytes_are_base64_in_json_and_a_fault_ends_no_console(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console, found = Console(), Shown((), {"value": [b"x"]})
    monkeypatch.setattr("server.console.commands.verbs.queue", lambda *_: found)
    shown = json.loads(console.run("printQueue --json"))
    assert shown == {"value": [{"data": "eA==", "encoding": "base64"}]}
    found.fields["value"] = {1}
    assert console.run("printQueue --json").startswith("printqueue failed, see the log: TypeError")
    assert console.run("links").startswith("replica 1: ")
