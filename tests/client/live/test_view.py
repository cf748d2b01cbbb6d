"""The picture of what is known: rows, health, lag, rates; and what becomes of it when some go."""

from __future__ import annotations

from client.live.view import Look, Picture, View
from kvrmi.cluster.status import NO_QUORUM, NOBODY, SERVING, ReplicaEntry

from .entries import counters, down, entry

ADDRESSES = {id: f"127.0.0.1:{id}111" for id in range(1, 6)}
ABOUT = {"cluster": "kvrmi", "cluster_id": "c1", "engine": "paxos"}


def seen(*looks: tuple[float, ReplicaEntry]) -> View:
    view = View()
    view.members(ADDRESSES, ABOUT)
    for at, one in looks:
        view.looked(Look(at, one), 1000.0 + at)
    return view


def picture(view: View, at: float = 5.0) -> Picture:
    return view.picture(at, 1000.0 + at)


def test_before_the_first_look_there_is_a_row_for_each_member() -> None:
    view = View()
    assert picture(view).rows == []
    assert picture(view).trouble
    view.members(ADDRESSES, ABOUT)
    found = picture(view)
    assert [row.state for row in found.rows] == ["not asked yet"] * 5
    assert (found.health, found.trouble, found.happenings) == (NOBODY, "", [])


def test_a_row_says_what_its_replica_does() -> None:
    view = seen(
        *((1.0, entry(id, counters=counters(10))) for id in range(1, 5)),
        *((3.0, entry(id, counters=counters(12, puts=50))) for id in range(1, 5)),
        (3.0, entry(5, applied=7, cuts=[[5, 2], [2, 5], [3, 5]])),
    )
    found = picture(view)
    assert (found.health, found.leader, found.successor, found.up) == (SERVING, 1, 2, 5)
    assert [row.lag for row in found.rows] == [0, 0, 0, 0, 3]
    assert found.rows[0].leads
    assert found.rows[0].rates is not None
    assert found.rows[0].rates.writes == 25.0
    assert found.rows[4].cuts == [(5, 2), (2, 5), (3, 5)]
    assert found.rows[4].rates is None, "one look is no difference"
    assert view.roles == ["proposer", "acceptor", "learner"]


def test_who_was_asked_first_does_not_lag_behind_who_was_asked_last() -> None:
    view = seen(
        *((1.0 + id / 100, entry(id, chosen=100 + id, applied=100 + id)) for id in range(1, 6)),
        *((2.0 + id / 100, entry(id, chosen=200 + id, applied=200 + id)) for id in range(1, 5)),
        (2.05, entry(5, chosen=105, applied=105)),
    )
    assert [row.lag for row in picture(view).rows] == [0, 0, 0, 0, 99]


def test_rates_are_of_the_last_moments() -> None:
    looks = [(at / 4, entry(1, counters=counters(at / 4, puts=at * at))) for at in range(60)]
    rates = picture(seen(*looks)).rows[0].rates
    assert rates is not None
    assert 420 < rates.writes < 480, "of looks 1.5 to 1.75 s apart, not of all 15 s"


def test_a_new_process_begins_anew() -> None:
    view = seen(
        (1.0, entry(1, counters=counters(100, puts=500))),
        (2.0, entry(1, pid=7, counters=counters(1, puts=1))),
    )
    assert picture(view).rows[0].rates is None
    view.looked(Look(4.0, entry(1, pid=7, counters=counters(3, puts=9))), 1004.0)
    rates = picture(view).rows[0].rates
    assert rates is not None
    assert rates.writes == 4.0


def test_the_coordinator_knows_why_some_are_silent_as_long_as_they_are() -> None:
    view = seen(*((1.0, entry(id)) for id in (1, 2, 3)), (1.0, down(4)), (1.0, down(5)))
    held = down(4, "held") | {"reason": "killed on purpose"}
    view.coordinated([held, entry(5), down(1, "held")])
    found = picture(view)
    assert [row.state for row in found.rows] == ["up", "up", "up", "held", "down"]
    assert found.rows[3].reason == "killed on purpose"
    view.looked(Look(2.0, down(4)), 1002.0)
    assert picture(view).rows[3].state == "held", "the next look does not make it another"
    view.looked(Look(3.0, entry(4)), 1003.0)
    assert picture(view).rows[3].state == "up"
    assert [one.text for one in view.happenings.all] == ["replica 4 answers, pid 104"]


def test_health_goes_and_comes_back() -> None:
    view = seen(*((1.0, entry(id)) for id in range(1, 6)))
    for id in (1, 2, 3):
        view.looked(Look(2.0, down(id)), 1002.0)
    assert picture(view).health == NO_QUORUM
    for id in (4, 5):
        view.looked(Look(3.0, down(id)), 1003.0)
    assert picture(view).health == NOBODY
    view.members({id: f"127.0.0.1:{id}999" for id in ADDRESSES}, {**ABOUT, "cluster_id": None})
    view.looked(Look(4.0, entry(1)), 1004.0)
    assert picture(view).rows[0].state == "up"


def test_another_cluster_has_other_writes() -> None:
    view = seen((1.0, entry(1, revision=100)), (2.0, entry(1, revision=200)))
    assert picture(view).curve.columns(1, 1.0)
    view.members(ADDRESSES, {**ABOUT, "cluster_id": "c2"})
    assert picture(view).curve.columns(1, 1.0) == []


def test_events_that_replicas_report_are_not_seen_twice() -> None:
    view = seen((1.0, entry(2)))
    view.reported(2, [])
    view.looked(Look(2.0, entry(2, cuts=[[2, 3]])), 1002.0)
    assert view.happenings.all == []
