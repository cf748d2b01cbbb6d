"""The line editor on a real terminal: editing, and a history across runs."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.client.fake import Cluster
from tests.terminal import Terminal

UP, LEFT, RUB_OUT, END_OF_INPUT = "\x1b[A", "\x1b[D", "\x7f", "\x04"


def shell(cluster: Cluster, state: Path) -> Terminal:
    name, _, where = cluster.addresses[0].partition("@")
    argv = ("-m", "client", "--object", name, "--address", where)
    return Terminal.python(*argv, environment={"XDG_STATE_HOME": str(state)})


def test_lines_are_edited_and_remembered(cluster: Cluster, tmp_path: Path) -> None:
    with shell(cluster, tmp_path) as first:
        first.see("^kvrmi>$")
        first.keys("PUTT k v" + 4 * LEFT + RUB_OUT + "\r")
        first.see(r"^OK revision 1  \(")
        first.see("^kvrmi>$")
        first.keys("EXIT\r")
        assert first.end() == 0
    history = tmp_path / "kvrmi" / "history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.parent.stat().st_mode) == 0o700
    with shell(cluster, tmp_path) as second:
        second.see("^kvrmi>$")
        second.keys(UP + UP)
        second.see("^kvrmi> PUT k v$")
        second.keys("2\r")
        second.see(r"^OK revision 2  \(.*\n(.*\n)*^kvrmi>$")
        second.keys(END_OF_INPUT)
        assert second.end() == 0
    assert cluster.contents.rows == {"k": "v2"}


def test_a_prompt_without_a_place_for_its_history(cluster: Cluster) -> None:
    with shell(cluster, Path("/dev/null")) as terminal:
        terminal.see("^kvrmi>$")
        terminal.keys("PUT k v\r")
        terminal.see(r"^OK revision 1  \(")
        terminal.keys("EXIT\r")
        assert terminal.end() == 0
