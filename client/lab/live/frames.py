"""What pages are sent: batches of what is new, and one that holds everything, for who begins.

Rules: times are seconds of this machine's monotonic clock; a batch is bounded, and what did not
fit is counted in it. It asks nobody and sends nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kvrmi.cluster.status import SERVING

from ...live.happenings import Happening
from ...live.moments import Moment
from ...live.plain import fields
from ...live.poller import Events, News
from ...live.view import Look, Picture
from .gaps import Gaps

__all__ = ["COLUMN", "Frames"]

EVENTS = 200
"""Events of a batch at most."""
LATE = 2.0
"""Seconds after which an event is not sent: nobody sees its messages fly any more."""
EXPLAIN = frozenset(
    {"pre-vote", "pre-voted", "campaign", "promise", "refuse", "leads", "leads open",
     "leads no more", "leads unreachable", "hand-over", "transfer"}
)  # fmt: skip
COLUMN = 0.5
"""Seconds of a column of the strip."""
COLUMNS, NEWEST = 240, 4
"""Columns that a new page gets, and those that are sent again as they may have changed."""
HAPPENINGS = 60


class Frames:
    """Makes frames, of pictures and of the events that were read meanwhile."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._events: list[dict[str, Any]] = []
        self._dropped = 0
        self._picture: dict[str, object] = {}
        self._columns: dict[float, list[float | None]] = {}
        self._slowest: dict[float, float] = {}
        """The p99 of the slowest replica, by column."""
        self._told: Sequence[Happening] = ()
        self._explaining: deque[dict[str, Any]] = deque(maxlen=EVENTS)
        self._moments: dict[int, dict[str, Any]] = {}
        """The last of each replica that was not sent yet."""
        self._load: dict[str, Any] = {}
        self._gaps = Gaps()
        self._leader: int | None = None
        self._at = 0.0

    def saw(self, news: News) -> None:
        """Take what is read: what binds roles, and events but for those of long ago.

        Of these, those that explain who leads are kept.
        """
        if isinstance(news, Moment):
            self._moments[news.replica] = {"at": news.at, **news.roles}
        elif isinstance(news, Look) and news.entry.get("revision") is not None:
            self._gaps.saw(news.at, news.entry["revision"] or 0)
        elif isinstance(news, Events):
            self._read(news)

    def worked(self, report: Mapping[str, Any]) -> None:
        """Take what the page's own clients report; empty: there are none."""
        self._load = dict(report)
        self._gaps.measured(report.get("gaps", ()))
        if report.get("clients"):
            self._gaps.worked(report["at"])

    def _read(self, news: Events) -> None:
        late = [one for one in news.events if one[0] < LATE or one[1]["event"] in EXPLAIN]
        room = EVENTS - len(self._events)
        self._dropped += max(len(late) - room, 0)
        for ago, event in late[:room]:
            one = {**event, "at": news.at - ago, "replica": news.replica}
            self._events.append(one)
            if event["event"] in EXPLAIN:
                self._explaining.append(one)

    def batch(self, picture: Picture) -> bytes:
        """Make a frame of what is new since the last."""
        self._keep(picture)
        told = picture.happenings[-HAPPENINGS:]
        news = None if told == self._told else told
        self._told = told
        new = {"events": self._events, "dropped": self._dropped, "moments": self._moments}
        self._events, self._dropped, self._moments = [], 0, {}
        columns = list(self._columns.values())[-NEWEST:]
        return self._frame("batch", columns, news, **new)

    def fresh(self, missed: int) -> bytes:
        """Make a frame of all that was sent lately; `missed` are the frames that a page lost."""
        columns = list(self._columns.values())
        explaining = list(self._explaining)
        return self._frame("fresh", columns, self._told, missed=missed, events=explaining)

    def _frame(
        self,
        kind: str,
        columns: Sequence[Sequence[float | None]],
        told: Sequence[Happening] | None,
        **more: object,
    ) -> bytes:
        """Make one; all lines of what happened, as one may become another; None: as they were."""
        happened = None if told is None else [one._asdict() for one in told]
        frame = {
            "kind": kind,
            "at": self._at,
            "picture": self._picture,
            "columns": columns,
            "happened": happened,
            "gaps": list(self._gaps.kept),
            "load": self._load,
        }
        return msgspec.json.encode({**frame, **more})

    def _keep(self, picture: Picture) -> None:
        self._at, self._picture = picture.at, fields(picture, ())
        if picture.health != SERVING or picture.leader != self._leader:
            self._leader = picture.leader
            self._gaps.disturbed(picture.at)
        newest = picture.at // COLUMN * COLUMN
        slow = [row.rates.p99 for row in picture.rows if row.rates and row.rates.p99 is not None]
        if slow:
            self._slowest[newest] = max(slow)
        for begins, mean, least in picture.curve.columns(NEWEST, COLUMN):
            p99 = self._slowest.get(begins)
            self._columns[begins] = [begins, mean, least, p99]
        for kept in (self._columns, self._slowest):
            while len(kept) > COLUMNS:
                del kept[min(kept)]
