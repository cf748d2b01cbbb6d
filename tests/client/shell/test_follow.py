"""A shell whose replicas fail under it, and whose user does not wait for them: on a terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.client.fake import Cluster
from tests.terminal import TIMEOUT, Terminal

CTRL_C = "\x03"


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Keeps replicas from answering."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def shell(cluster: Cluster, tmp_path: Path) -> Iterator[Terminal]:
    config = cluster.write_file(tmp_path / "data" / "cluster.toml")
    argv = ("-m", "client", "--config", str(config), "--name", "ana", "--no-key-completion")
    state = {"XDG_STATE_HOME": str(tmp_path)}
    with Terminal.python(*argv, environment=state, columns=160) as terminal:
        terminal.see("^ana>$")
        yield terminal


def hold(cluster: Cluster, gate: threading.Event, key: str) -> threading.Event:
    """Make the first replica take what is about this key, and not answer; an event says when."""
    servant, arrived = cluster.servant(1), threading.Event()
    do = servant._do

    def held(name: str, args: Sequence[Any], request: Any = None) -> Any:
        if args[:1] == [key]:
            arrived.set()
            gate.wait(TIMEOUT)
        return do(name, args, request)

    servant._do = held  # type: ignore[method-assign]
    return arrived


def test_ctrl_c_says_what_is_known_and_the_session_goes_on(
    cluster: Cluster, shell: Terminal, gate: threading.Event
) -> None:
    shell.keys("PUT first 1\r")
    shell.see(r"^OK revision 1\b")
    arrived = hold(cluster, gate, "k")
    shell.keys("PUT k v\r")
    assert arrived.wait(TIMEOUT)
    shell.see("^waiting for replica 1; Ctrl-C ends it$")
    shell.keys(CTRL_C)
    shell.see(
        "^INTERRUPTED: it was sent to replica 1 and may or may not take effect; "
        "GET k shows whether it does"
    )
    shell.see(r"^ana>$")
    arrived.clear()
    shell.keys("GET k\r")
    assert arrived.wait(TIMEOUT)
    shell.keys(CTRL_C * 5)
    shell.see("^INTERRUPTED: nothing was changed")
    shell.keys("PUT last 2\r")
    shell.see(r"^OK revision 2\b")
    (session,) = cluster.contents.sessions
    assert session.startswith("ana:")
    shell.keys("EXIT\r")
    assert shell.end() == 0


def test_a_replica_killed_while_the_shell_waits_is_one_line_beside_the_answer(
    cluster: Cluster, shell: Terminal, gate: threading.Event
) -> None:
    shell.keys("PUT first 1\r")
    shell.see(r"^OK revision 1\b")
    arrived = hold(cluster, gate, "k")
    shell.keys("PUT k v\r")
    assert arrived.wait(TIMEOUT)
    cluster.contents.leader = 2
    cluster.nodes[0].kill()
    shell.see(r"^replica 1 does not answer \(.*\); replica 2 answers now and leads$")
    shell.see(r"^OK revision 2\b")
    shell.keys("EXIT\r")
    assert shell.end() == 0
