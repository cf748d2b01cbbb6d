"""The dare: honest replicas withstand the moves that break those with a planted bug."""

from __future__ import annotations

import io
import sys

import pytest

from client.__main__ import main
from client.lab.scenarios.game import Game
from kvrmi.sim.scenario import Wrong

_SILENT = "cut 1 -> 3, 1 -> 4, 1 -> 5, 2 -> 1; ask put k v1 at 1; run 0.1; kill 1; mend; run 3"
_WON = {
    "adoption-skipped": f"put k v0 at 1; {_SILENT}; get k at 2",
    "quorum-of-two": (
        "put k v0 at 1; cut 1 - 3, 1 - 4, 1 - 5, 2 - 3, 2 - 4, 2 - 5; ask put k here at 1;"
        "run 0.2; run 4; ask put k there at 3; run 3"
    ),
    "follower-read-called-linearizable": "put k old at 1; run 1; cut 3; put k new at 1; get k at 3",
    "wiped-disk-taken-as-fresh": (
        "kill 4, 5; put k v1 at 1; cut 2 -> 1; put k v2 at 1; lose disk 3; kill 1, 2;"
        "start 3, 4, 5; mend; run 5; put k mine at 4"
    ),
}


def played(bug: str, moves: str) -> Game:
    game = Game(5, bug, lambda line: None)
    for move in moves.split(";"):
        if not game.broken:
            game.move(move.strip())
    return game


@pytest.mark.parametrize("bug", _WON)
def test_a_planted_bug_can_be_found_by_hand(bug: str) -> None:
    assert played(bug, _WON[bug]).broken


@pytest.mark.parametrize("bug", _WON)
def test_the_same_moves_harm_nobody_without_it(bug: str) -> None:
    game = played("", _WON[bug])
    assert not game.broken
    assert game.heal(), game.broken


def test_a_write_in_doubt_may_be_read_or_not() -> None:
    game = played("", f"put k v0 at 1; {_SILENT}; get k at 2; put k v2 at 3; get k at 4")
    assert not game.broken


def test_what_is_no_move_is_refused_and_counts_for_nothing() -> None:
    game = Game(3, "", lambda line: None)
    with pytest.raises(Wrong, match="no such step: jump"):
        game.move("jump")
    assert not game.moves


@pytest.mark.parametrize(
    ("words", "moves", "end"),
    [
        ([], "kill 1\nrun 3\nquit\n", "Safety holds: 2 moves"),
        (["--bug", "follower-read-called-linearizable"], "", "SAFETY IS BROKEN after 5 moves"),
    ],
)
def test_in_a_terminal(
    words: list[str],
    moves: str,
    end: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    typed = moves or _WON[words[1]].replace("; ", "\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert main(["lab", "dare", *words]) == 0
    out = capsys.readouterr().out
    assert end in out
    assert max(map(len, out.splitlines())) <= 80
