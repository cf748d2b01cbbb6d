"""What happened: a line each, whoever reports it and however many do."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from client.live.happenings import Happening, Happenings

from .entries import counters, down, entry


def event(name: str, text: str = "", **fields: Any) -> dict[str, Any]:
    return {"event": name, "text": text, "role": "proposer", "peer": 0, "ballot": ""} | fields


def texts(happenings: Happenings) -> list[str]:
    return [one.text for one in happenings.all]


def test_a_leader_is_reported_once_though_five_replicas_do() -> None:
    happenings = Happenings()
    for replica in range(1, 6):
        happenings.reported(replica, 10.0, event("leads", ballot="3.2", peer=2))
        happenings.reported(replica, 10.1, event("promise", ballot="3.2"))
    happenings.reported(1, 20.0, event("leads", ballot="4.1", peer=1))
    assert texts(happenings) == ["replica 2 leads, ballot 3.2", "replica 1 leads, ballot 4.1"]
    assert [one.mark for one in happenings.all] == ["2", "1"]


def test_the_end_of_a_term_is_the_leaders_own_word() -> None:
    happenings = Happenings()
    text = "leads no more replica=2 ballot=3.2 after=7.5s reason="
    happenings.reported(1, 9.0, event("leads no more", text + "no heartbeat in time", peer=2))
    happenings.reported(2, 9.2, event("leads no more", text + "no quorum in time", peer=2))
    assert texts(happenings) == ["replica 2 leads no more after 7.5 s: no quorum in time"]


def test_a_cut_is_one_line_though_it_is_two_ways_at_two_replicas() -> None:
    happenings = Happenings()
    for replica, at in ((1, 5.0), (3, 5.1)):
        happenings.reported(replica, at, event("cut", "CUT from=1 to=3"))
        happenings.reported(replica, at + 0.01, event("cut", "CUT from=3 to=1"))
    happenings.reported(2, 30.0, event("cut", "CUT from=2 to=4"))
    happenings.reported(1, 40.0, event("healed", "HEALED from=1 to=3"))
    happenings.reported(1, 40.1, event("healed", "HEALED from=2 to=4"))
    assert texts(happenings) == ["cut: 1-3", "cut: 2>4", "healed: 1>3, 2>4"]


def test_links_cut_together_that_part_the_cluster_are_a_partition() -> None:
    happenings = Happenings()
    happenings.ids = (1, 2, 3, 4, 5)
    for one in (2, 3):
        for other in (1, 4, 5):
            happenings.reported(one, 5.0, event("cut", f"CUT from={one} to={other}"))
            happenings.reported(one, 5.1, event("cut", f"CUT from={other} to={one}"))
    assert texts(happenings) == ["partition {2,3} | {1,4,5}"]
    happenings.reported(1, 30.0, event("cut", "CUT from=1 to=4"))
    assert texts(happenings)[1:] == ["cut: 1>4"]


def test_a_leader_that_hands_over_says_why_and_nothing_is_wrong() -> None:
    happenings = Happenings()
    text = "leads no more replica=1 ballot=3.1 after=7.5s reason=handed over to replica 4: "
    why = "the disk of its own acceptor hangs"
    happenings.reported(1, 1.0, event("leads no more", text + why, peer=1))
    assert texts(happenings) == [f"replica 1 hands over to replica 4: {why}"]
    assert not any(one.urgent for one in happenings.all)


@pytest.mark.parametrize("first", [0, 1])
def test_a_hand_over_stands_before_who_leads_by_it_whatever_the_clocks_say(first: int) -> None:
    happenings = Happenings()
    reason = "reason=handed over to replica 2: an operator asked for it"
    text = f"leads no more replica=1 ballot=3.1 after=7.5s {reason}"
    events = [
        (1, 10.4, event("leads no more", text, peer=1)),
        (3, 10.1, event("leads", ballot="4.2", peer=2)),
    ]
    for replica, at, one in (events[first], events[1 - first]):
        happenings.reported(replica, at, one)
    assert [text.split()[2] for text in texts(happenings)] == ["hands", "leads,"]


def test_snapshots_are_told_in_words() -> None:
    happenings = Happenings()
    ends = "snapshot from=5 installed pages=1 applied=120"
    for at, text in enumerate(("snapshot from=5 begins", ends)):
        happenings.reported(3, float(at), event("snapshot", text, peer=5, urgent=False))
    assert texts(happenings) == [
        "replica 3 gets a snapshot from replica 5: logs do not go back as far as it needs",
        "replica 3 has a snapshot from replica 5 (1 page): it holds all up to slot 120",
    ]


def test_roles_fail_and_come_back() -> None:
    happenings = Happenings()
    happenings.reported(2, 1.0, event("failed", "FAILED incarnation=1", role="acceptor"))
    happenings.reported(2, 2.0, event("restarted", "RESTARTED incarnation=2", role="acceptor"))
    assert texts(happenings) == [
        "replica 2: acceptor failed",
        "replica 2: acceptor is back, incarnation 2",
    ]


def test_they_stand_in_the_order_of_time() -> None:
    happenings = Happenings()
    for at in (5.0, 3.0, 4.0, 6.0):
        happenings.add(Happening(at, str(at)))
    assert texts(happenings) == ["3.0", "4.0", "5.0", "6.0"]


def test_processes_that_end_and_start_are_seen_in_looks() -> None:
    happenings = Happenings()
    looks = [
        entry(2),
        down(2, "not answering"),
        down(2),
        entry(2, pid=77),
        entry(2, pid=78, state="recovering"),
        entry(2, pid=78),
    ]
    for at, (before, now) in enumerate(itertools.pairwise(looks)):
        happenings.looked(before, now, float(at), all=False)
    assert texts(happenings) == [
        "replica 2 is down",
        "replica 2 answers, pid 77",
        "replica 2 was started anew, pid 78",
        "replica 2 has recovered and votes again",
    ]


def test_a_disk_that_hangs_is_a_line_from_when_it_began_and_one_when_it_goes_on() -> None:
    happenings = Happenings()
    roles = entry(2)["roles"] or {}
    hung = entry(2, roles={**roles, "acceptor": {**roles["acceptor"], "hangs": 0.7}})
    for at, (before, now) in enumerate(itertools.pairwise([entry(2), hung, hung, entry(2)])):
        happenings.looked(before, now, 10.0 + at, all=False)
    assert [(one.at, one.text, one.urgent) for one in happenings.all] == [
        (9.3, "replica 2: its disk hangs", True),
        (12.0, "replica 2: its disk works again", False),
    ]


def test_without_the_secret_looks_show_roles_links_and_leaders_too() -> None:
    happenings = Happenings()
    up = entry(2)
    roles = {**(up["roles"] or {}), "acceptor": {"state": "down", "incarnation": 1}}
    failed = entry(2, roles=roles, cuts=[[2, 3], [3, 2]])
    leads = entry(2, role="leader", ballot=(5, 2))
    for before, now in ((up, up), (up, failed), (failed, leads), (leads, leads)):
        happenings.looked(before, now, 1.0, all=True)
    assert texts(happenings) == [
        "replica 2: acceptor failed",
        "cut: 2-3",
        "healed: 2-3",
        "replica 2 leads, ballot 5.2",
    ]
    assert counters()["memory"]


def test_who_was_silent_for_long_and_is_down_then_has_two_lines() -> None:
    happenings = Happenings()
    happenings.looked(entry(2), down(2, "not answering"), 1.0, all=True)
    happenings.looked(down(2, "not answering"), down(2), 9.0, all=True)
    happenings.looked(down(2), down(2, "not answering"), 10.0, all=True)
    assert texts(happenings) == ["replica 2 does not answer", "replica 2 is down"]
