"""The picture as it is drawn: 80 columns and 24 lines hold it all, others more or less."""

from __future__ import annotations

import random
from typing import Any

import pytest
from rich.text import Text

from client.live.drawing import drawn
from client.live.happenings import Happening
from client.live.keys import HELP, KEYS
from client.live.view import Look, View

from .entries import counters, down, entry
from .test_view import ABOUT, ADDRESSES, seen

FOOT = [Text("said"), Text(KEYS)]


def busy(columns: int = 80, lines: int = 24, **others: Any) -> list[str]:
    """A cluster under load whose leader has died."""
    big: dict[str, Any] = {
        "chosen": 1_234_567,
        "applied": 1_234_560,
        "ballot": (12, 2),
        "leader": 2,
    }
    view = View()
    view.members(ADDRESSES, ABOUT)
    for step in range(300):
        at, pause = step / 4, 50 < step / 4 < 50.8
        for id in (2, 3, 4, 5):
            role = "leader" if id == 2 else "follower"
            revision = 1000 * (step if not pause else 200)
            now = entry(
                id, **big, role=role, revision=revision, cuts=[[2, 3], [3, 2]] * (id in (2, 3))
            )
            now["counters"] = counters(at, puts=4000 * step)
            view.looked(Look(at + id / 100, now), 1000 + at)
    view.looked(Look(75.0, down(1)), 1050.1)
    view.coordinated([down(1, "held") | {"reason": "killed on purpose"}])
    view.happenings.add(Happening(1050.1, "replica 1 is down", True, "x"))
    view.happenings.add(Happening(1050.7, "replica 2 leads, ballot 12.2", False, "2"))
    picture = view.picture(75.1, 1075.1)
    return [line.plain for line in drawn(picture, columns, lines, foot=FOOT, **others)]


def test_80_columns_and_24_lines_hold_all_of_five_replicas() -> None:
    shown = busy()
    assert len(shown) == 24
    assert max(map(len, shown)) <= 80
    assert not any("…" in line for line in shown)
    assert "serving: replica 2 leads (next: 3), 4 of 5 up" in shown[0]
    names = "id state roles lead ballot chosen applied lag cuts ops/s p50ms p99ms mem"
    assert shown[1].split() == names.split()
    assert shown[2].split() == ["1", "held", "(killed", "on", "purpose)"]
    assert shown[3].split()[:8] == ["2", "up", "P1", "A1", "L1", "2", "12.2", "1234567"]
    assert shown[3].split()[8:] == ["1234560", "7", "3", "16000", "1.50", "1.99", "40M"]
    assert shown[-1] == KEYS


def test_the_pause_is_a_hole_and_who_leads_then_stands_below() -> None:
    shown = busy()
    title = next(number for number, line in enumerate(shown) if line.startswith("writes/s"))
    lowest, marks = shown[title + 4], shown[title + 5]
    at = marks.index("x")
    assert marks[at : at + 2] == "x2"
    assert "█" * 10 in lowest[:at]
    assert lowest[at] in " ▁░", "in that second there was a quarter without a write"
    assert "█" * 10 in lowest[at + 1 :]


def test_a_wide_terminal_gets_more() -> None:
    shown = busy(140, 40)
    assert len(shown) == 40
    assert {"writes/s", "errors/s", "sync99", "cpu", "keys", "clients"} <= set(shown[1].split())
    assert len(next(line for line in shown if line.startswith("writes/s"))) == 140


@pytest.mark.parametrize("columns", [20, 40, 60, 79, 100, 300])
@pytest.mark.parametrize("lines", [1, 5, 8, 10, 12, 16, 60])
def test_any_size_is_kept_to(columns: int, lines: int) -> None:
    shown = busy(columns, lines, selected=3)
    assert len(shown) <= lines
    assert max(map(len, shown)) <= columns


def test_the_chosen_replica_and_the_help_are_seen() -> None:
    shown = busy(selected=4, aside=HELP)
    assert shown[5].startswith(">4 up")
    assert shown[7 : 7 + len(HELP)] == list(HELP)
    assert max(map(len, HELP)) <= 80


def test_what_is_wrong_is_said_first() -> None:
    def head(view: View) -> str:
        return drawn(view.picture(1.0, 1.0), 80, 24)[0].plain

    assert "no cluster is found" in head(View())
    assert "nobody answers" in head(seen())
    alone = seen((1.0, entry(1)), (1.0, entry(2)))
    assert "NO QUORUM: 2 of 5 up, 3 needed" in head(alone)
    leaderless = seen(*((1.0, entry(id, role="follower", leader=None)) for id in (2, 3, 4, 5)))
    assert "no leader yet: an election runs, 4 of 5 up" in head(leaderless)


def test_roles_that_are_down_have_a_sign() -> None:
    up = entry(1)
    roles = {**(up["roles"] or {}), "acceptor": {"state": "down", "incarnation": 3}}
    view = seen((1.0, entry(1, roles=roles)))
    assert "P1 A- L1" in drawn(view.picture(1.0, 1.0), 80, 24)[2].plain


def test_what_replicas_say_cannot_move_the_cursor() -> None:
    rng = random.Random(7)
    view = seen((1.0, entry(1)))
    view.happenings.add(Happening(1.0, f"bad \x1b[2J {rng.random()}\n"))
    assert all(line.plain.isprintable() for line in drawn(view.picture(1.0, 1.0), 80, 24))


def test_why_there_is_no_cluster_is_said_in_full() -> None:
    view = View()
    view.trouble = f"cluster file {'/a/long/folder' * 8}/cluster.toml: cannot be read; name another"
    shown = [line.plain for line in drawn(view.picture(1.0, 1.0), 80, 24, foot=FOOT)]
    assert "".join(shown[2:5]).replace(" ", "") == view.trouble.replace(" ", "")
