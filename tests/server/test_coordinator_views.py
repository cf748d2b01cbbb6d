"""Who votes while servers go and come back: what the coordinator makes of what replicas report."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from kvrmi.errors import ConnectionFailed
from kvrmi.twophase.viewing import Report
from kvrmi.twophase.views import Member, View, founding, left
from server.coordinator.founding import VIEW, Wish, prepare
from server.coordinator.views import (
    AGAIN_SECONDS,
    GONE_SECONDS,
    START_SECONDS,
    ViewFile,
    Views,
)

FIRST = founding((1, 2, 3))


class Replicas:
    """Three that answer, take views over, and are down when they are told to be."""

    def __init__(self) -> None:
        self.reports = dict.fromkeys((1, 2, 3), Report(FIRST, 1, ""))
        self.silent: set[int] = set()
        self.held: set[int] = set()
        self.deaf: set[int] = set()
        self.fetching: set[int] = set()
        self.heard: list[tuple[int, int]] = []

    def said(self) -> dict[int, Any]:
        """Return the entries of those that answer."""
        down = self.silent | self.held
        return {
            id: None if id in down else {"view": to_builtins(report)}
            for id, report in self.reports.items()
        }

    def call(self, replica: int, method: str, number: int, members: Any, timeout: float) -> None:
        """Take a view over, and fetch what is missing at once."""
        assert method == "enter"
        self.heard.append((replica, number))
        if replica in self.deaf:
            raise ConnectionFailed("replica does not answer")
        whole = self.reports[replica].whole if replica in self.fetching else number
        self.reports[replica] = Report(View(number, tuple(members)), whole, "")


@dataclasses.dataclass
class Bench:
    """The views of a cluster, its replicas and its clock."""

    data: Path
    replicas: Replicas
    settings: dict[str, str]
    now: float = 100.0

    def __post_init__(self) -> None:
        self.views = self.another()

    def another(self, *, founded: bool = False) -> Views:
        """Make another one in the same folder: the coordinator was started again."""
        cluster: Any = dataclasses.make_dataclass("C", ["ids", "settings", "engine"])(
            (1, 2, 3), self.settings, "2pc"
        )
        admins: Any = self.replicas
        return Views(
            cluster, self.data, self.replicas.said, lambda: self.replicas.held, admins,
            lambda: self.now, founded=founded,
        )  # fmt: skip

    def look(self, seconds: float = 0.0) -> View:
        """Let time pass and look; the view, which is on the disk too."""
        self.now += seconds
        self.views.look()
        view = self.views.view
        assert view is not None
        assert ViewFile(self.data).read() == view
        return view


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, Replicas(), {"votes": "active"})


def test_the_first_view_is_what_all_report_and_nothing_is_sent(bench: Bench) -> None:
    assert bench.look() == FIRST
    assert bench.replicas.heard == []


def test_who_is_left_down_on_purpose_leaves_at_once_and_the_others_hear_of_it(
    bench: Bench,
) -> None:
    bench.look()
    bench.replicas.held = {3}
    assert bench.look().ids == (1, 2)
    assert bench.replicas.heard == [(1, 2), (2, 2)]
    bench.replicas.held = set()
    back = bench.look()
    assert (back.number, back.ids) == (3, (1, 2, 3))
    assert back.since(1) == (1, 2)


def test_one_that_is_silent_leaves_after_a_while_and_not_at_the_first_silence(
    bench: Bench,
) -> None:
    bench.look()
    bench.look(START_SECONDS)
    bench.replicas.silent = {2}
    assert bench.look(GONE_SECONDS / 2).ids == (1, 2, 3)
    assert bench.look(GONE_SECONDS).ids == (1, 3)


def test_with_votes_of_all_nobody_leaves(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Replicas(), {"votes": "all"})
    bench.look()
    bench.replicas.held, bench.replicas.silent = {3}, {2}
    assert bench.look(1000.0) == FIRST


def test_the_last_one_with_the_store_stays_whoever_goes(bench: Bench) -> None:
    bench.look()
    bench.replicas.held = {2, 3}
    assert bench.look().ids == (1,)
    bench.replicas.held = {1, 2, 3}
    assert bench.look().ids == (1,)


def test_a_view_that_a_replica_did_not_hear_of_is_sent_again_and_no_sooner(bench: Bench) -> None:
    bench.look()
    bench.replicas.held, bench.replicas.deaf = {3}, {2}
    bench.look()
    bench.look(AGAIN_SECONDS / 2)
    assert bench.replicas.heard == [(1, 2), (2, 2)]
    bench.replicas.deaf = set()
    bench.look(AGAIN_SECONDS)
    assert bench.replicas.heard == [(1, 2), (2, 2), (2, 2)]


def test_one_that_comes_back_is_sent_the_view_until_it_reports_that_its_disk_has_the_store(
    bench: Bench,
) -> None:
    bench.look()
    bench.replicas.held = {3}
    bench.look()
    bench.replicas.held, bench.replicas.fetching = set(), {3}
    bench.replicas.heard.clear()
    bench.look()
    bench.look(AGAIN_SECONDS)
    assert bench.replicas.heard.count((3, 3)) == 2
    assert bench.replicas.heard.count((1, 3)) == 1
    bench.replicas.held = {1, 2}
    assert bench.look().ids != (3,), "nobody knows that 3 has the store"
    bench.replicas.fetching = set()
    bench.look(AGAIN_SECONDS)
    assert bench.look().ids == (3,)


def test_the_next_coordinator_goes_on_with_the_last_view_and_its_number(bench: Bench) -> None:
    bench.look()
    bench.replicas.held = {3}
    second = bench.look()
    bench.views = bench.another()
    assert bench.look() == second
    bench.replicas.held = {2, 3}
    assert bench.look().number == second.number + 1


def test_without_its_file_it_waits_for_all_as_one_may_know_a_newer_view(bench: Bench) -> None:
    newer = left(left(FIRST, 3), 2)
    bench.replicas.reports = {
        1: Report(newer, 3, ""), 2: Report(FIRST, 1, ""), 3: Report(FIRST, 1, ""),
    }  # fmt: skip
    bench.replicas.silent = {1}
    bench.views.look()
    assert bench.views.view is None
    assert not (bench.data / VIEW).exists()
    bench.replicas.silent = set()
    assert bench.look().number > newer.number


def test_a_file_that_cannot_be_read_is_as_none(bench: Bench) -> None:
    (bench.data / VIEW).write_bytes(b"nonsense")
    assert bench.look() == FIRST


def test_nothing_is_sent_that_could_not_be_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.look()

    def full(self: ViewFile, view: View) -> None:
        raise OSError("no space")

    monkeypatch.setattr(ViewFile, "write", full)
    bench.replicas.held = {3}
    with pytest.raises(OSError, match="no space"):
        bench.views.look()
    assert bench.replicas.heard == []
    assert bench.views.view == FIRST


def test_a_view_of_a_cluster_that_was_there_before_is_none_of_a_new_one(tmp_path: Path) -> None:
    ViewFile(tmp_path).write(left(FIRST, 3))
    prepare(Wish(tmp_path, 3, ephemeral=True, engine="2pc"))
    assert ViewFile(tmp_path).read() is None


def test_who_lost_its_disk_is_a_member_anew_also_with_the_votes_of_all(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Replicas(), {"votes": "all"})
    bench.look()
    bench.replicas.reports[3] = Report(FIRST, -1, "new")
    assert bench.look().member(3) == Member(3, 2, "new")
    assert bench.look().number == 2, "once"


def test_a_new_cluster_has_its_first_view_before_all_have_reported(bench: Bench) -> None:
    bench.replicas.held = {3}
    bench.views = bench.another(founded=True)
    assert bench.look().ids == (1, 2)
