"""Who makes the views: what participants report of themselves, and which view follows from that.

Rules: nobody leaves unless another member, which stays, is known to have the whole store; who comes
back, or has lost its disk, is a member anew and so fetches the store first. It sends nothing and
knows no time: whoever asks says who is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Self

from msgspec import ValidationError, convert

from ..storage.interface import Number
from .standing import Standing
from .views import View, joined, left

__all__ = ["ACTIVE", "ALL", "Report", "following", "keeps", "understood"]

ALL, ACTIVE = "all", "active"
"""Whose votes count: those of all replicas, or not of those that are down."""


class Report(NamedTuple):
    """What a participant says of itself; see Standing."""

    view: View
    whole: Number
    disk: str

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """Make that of a participant."""
        return cls(standing.view, standing.whole, standing.disk)


def understood(report: object) -> Report | None:
    """Read what came from another process; None: it is no report."""
    try:
        return convert(report, Report)
    except ValidationError:
        return None


def following(view: View, reports: Mapping[int, Report], gone: Collection[int]) -> View:
    """Make the view after this one, the same where nothing is to change.

    `reports` are of those that answer, and `gone` those that shall not be members.
    """
    keeping = [id for id in view.ids if id not in gone and keeps(view, reports.get(id), id)]
    for id in [id for id in view.ids if id in gone and keeping]:
        view = left(view, id)
    for id, report in sorted(reports.items()):
        member = view.member(id)
        lost = member is not None and report.whole < 0 and report.disk != member.disk
        if id not in gone and (member is None or (lost and keeping)):
            view = joined(view, id, report.disk)
    return view


def keeps(view: View, report: Report | None, id: int) -> bool:
    """Whether a member is known to have the whole store, and to have been one ever since."""
    member = view.member(id)
    return member is not None and report is not None and report.whole >= member.since
