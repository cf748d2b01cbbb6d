"""What pages are sent: bounded, and whole for who begins or was behind."""

from __future__ import annotations

import json
from typing import Any

import anyio

from client.lab.live.feed import KEPT, Feed
from client.lab.live.frames import EVENTS, LATE, Frames
from client.live.happenings import Happening
from client.live.moments import Moment
from client.live.poller import Events
from client.live.view import View


def event(name: str) -> dict[str, Any]:
    return {"event": name, "peer": 0, "text": ""}


def batch(frames: Frames, view: View) -> Any:
    return json.loads(frames.batch(view.picture(5.0, 1000.0)))


def test_events_are_sent_once_and_old_ones_not_at_all() -> None:
    frames, view = Frames(), View()
    frames.saw(Events(2, 5.0, [(LATE + 1, event("old")), (0.5, event("accept"))]))
    (sent,) = batch(frames, view)["events"]
    assert (sent["event"], sent["replica"], sent["at"]) == ("accept", 2, 4.5)
    assert batch(frames, view)["events"] == []


def test_what_explains_who_leads_is_kept_for_pages_that_come_later() -> None:
    frames, view = Frames(), View()
    frames.saw(Events(2, 5.0, [(LATE + 9, event("promise")), (0.1, event("accept"))]))
    batch(frames, view)
    assert [one["event"] for one in json.loads(frames.fresh(0))["events"]] == ["promise"]


def test_ten_thousand_events_are_a_bounded_batch_that_counts_the_others() -> None:
    frames = Frames()
    for replica in range(1, 6):
        frames.saw(Events(replica, 5.0, [(0.1, event("accept"))] * 2000))
    sent = batch(frames, View())
    assert (len(sent["events"]), sent["dropped"]) == (EVENTS, 10_000 - EVENTS)


def test_of_moments_the_last_is_sent() -> None:
    frames = Frames()
    for at in (1.0, 2.0):
        frames.saw(Moment(1, at, {"acceptor": None}))
    assert batch(frames, View())["moments"] == {"1": {"at": 2.0, "acceptor": None}}


def test_a_happening_is_sent_once_and_is_in_a_fresh_frame() -> None:
    frames, view = Frames(), View()
    view.happenings.add(Happening(1.0, "replica 1 leads", mark="1"))
    assert [one["text"] for one in batch(frames, view)["happened"]] == ["replica 1 leads"]
    assert batch(frames, view)["happened"] is None, "as it was"
    fresh = json.loads(frames.fresh(3))
    assert (fresh["kind"], fresh["missed"], len(fresh["happened"])) == ("fresh", 3, 1)


def test_a_line_that_became_another_takes_its_place() -> None:
    frames, view = Frames(), View()
    view.happenings.ids = (1, 2, 3)
    for one, other in ((1, 2), (2, 1), (1, 3), (3, 1)):
        event = {"event": "cut", "peer": 0, "text": f"CUT from={one} to={other}"}
        view.reported(one, [(5.0, event)])
        lines = batch(frames, view)["happened"]
    assert [one["text"] for one in lines] == ["partition {1} | {2,3}"]


def test_a_page_begins_with_everything_and_gets_what_follows() -> None:
    async def scene() -> None:
        feed = Feed(lambda missed: b"fresh %d" % missed)
        feed.put(b"before it looked")
        assert await feed.take(1) == b"fresh 1"
        feed.put(b"one")
        feed.put(b"two")
        assert [await feed.take(1), await feed.take(1)] == [b"one", b"two"]
        assert await feed.take(0.01) is None

    anyio.run(scene)


def test_a_page_that_is_slow_begins_afresh_and_hears_what_it_missed() -> None:
    async def scene() -> None:
        feed = Feed(lambda missed: b"fresh %d" % missed)
        await feed.take(1)
        for number in range(KEPT + 5):
            feed.put(b"%d" % number)
        assert await feed.take(1) == b"fresh %d" % (KEPT + 5)
        assert await feed.take(0.01) is None
        feed.put(b"next")
        assert await feed.take(1) == b"next"

    anyio.run(scene)
