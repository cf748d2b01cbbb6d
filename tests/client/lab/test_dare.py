"""The dare: honest replicas withstand the moves that break those with a planted bug."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import pytest

from client.__main__ import main
from client.lab.scenarios.game import Game
from client.lab.scenarios.known import WON
from kvrmi.sim.scenario import Wrong


def played(bug: str, moves: Sequence[str]) -> Game:
    game = Game(5, bug, lambda line: None)
    for move in moves:
        if not game.broken:
            game.move(move)
    return game


@pytest.mark.parametrize("bug", WON)
def test_a_planted_bug_can_be_found_by_hand(bug: str) -> None:
    assert played(bug, WON[bug]).broken


@pytest.mark.parametrize("bug", WON)
def test_the_same_moves_harm_nobody_without_it(bug: str) -> None:
    game = played("", WON[bug])
    assert not game.broken
    assert game.heal(), game.broken


def test_a_write_in_doubt_may_be_read_or_not() -> None:
    game = played("", [*WON["adoption-skipped"], "put k v2 at 3", "get k at 4"])
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
        (
            ["--bug", "quorum-of-two"],
            "",
            "SAFETY IS BROKEN after 4 moves: at 1.005 s replica 1 calls slot 3 chosen at 1.1, "
            "by replicas 1, 2 alone",
        ),
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
    typed = moves or "\n".join(WON[words[1]])
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert main(["lab", "dare", *words]) == 0
    out = capsys.readouterr().out
    assert end in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80
