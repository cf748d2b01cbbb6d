"""Who votes, where the engine has numbered views: the coordinator makes them, and nobody else.

Rules: a view is on the disk before it is sent to any replica, and its number is used once; which
view follows is decided by kvrmi/twophase/viewing.py. While nobody makes views the last one stays.
It starts and ends nothing, and does nothing where the engine has no views.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.status import ReplicaEntry
from kvrmi.errors import KVError
from kvrmi.storage.interface import Corrupt
from kvrmi.twophase.viewing import ACTIVE, Report, following, keeps, understood
from kvrmi.twophase.views import View, founding, pack, unpack
from kvrmi.whole import replacing

from ..engines.kinds import kind_of
from .founding import VIEW
from .health import Admins

__all__ = ["ViewFile", "Views"]

log = logging.getLogger("kvrmi.server.views")

LOOK_SECONDS = 0.25
GONE_SECONDS = 3.0
"""Without an answer, until a replica counts as gone; it is put off so long where it hangs."""
START_SECONDS = 30.0
"""More for one that has not answered since this coordinator began."""
AGAIN_SECONDS = 2.0
"""Until a replica that has an older view is sent the newest again."""
ENTER_PATIENCE = 1.0
STOP_PATIENCE = 2 * ENTER_PATIENCE

Said = Callable[[], Mapping[int, ReplicaEntry | None]]


class ViewFile:
    """The last view that was made, in the data folder."""

    def __init__(self, data: Path) -> None:
        """Read nothing yet."""
        self._path = data / VIEW

    def read(self) -> View | None:
        """Return the view, None where there is none or none that can be read. Raises OSError."""
        try:
            return unpack(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except Corrupt as error:
            log.warning("%s: %s; it is made anew of what all replicas report", self._path, error)
            return None

    def write(self, view: View) -> None:
        """Record a view, durably, whole or not at all. Raises OSError."""
        with replacing(self._path) as file:
            file.write(pack(view))


class Views:
    """Makes the views of one cluster.

    said: what each replica answered last, None for one that is down or does not answer. held: who
    is left down on purpose, and so is gone at once.
    """

    def __init__(
        self,
        cluster: Cluster,
        data: Path,
        said: Said,
        held: Callable[[], set[int]],
        admins: Admins,
        clock: Callable[[], float] = time.monotonic,
        *,
        founded: bool = False,
    ) -> None:
        """Make nothing yet. founded: the cluster is new, so its first view is in force."""
        self.view: View | None = None
        """The last one; None until it is known."""
        self._ids = cluster.ids
        self._active = cluster.settings.get("votes") == ACTIVE
        self._file = ViewFile(data)
        self._first = founding(cluster.ids) if founded else None
        self._said = said
        self._held = held
        self._admins = admins
        self._clock = clock
        self._heard = dict.fromkeys(cluster.ids, clock() + START_SECONDS)
        self._sent: dict[tuple[int, int], float] = {}
        """When a replica was sent a view of that number."""
        self._stopped = threading.Event()
        wanted = kind_of(cluster.engine).views
        self._thread = (
            threading.Thread(target=self._run, name="views", daemon=True) if wanted else None
        )

    def begin(self) -> None:
        """Make views from now on."""
        if self._thread is not None:
            self._thread.start()

    def stop(self) -> None:
        """Make no more: the end of a cluster is no reason to leave anybody out."""
        self._stopped.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(STOP_PATIENCE)

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            try:
                self.look()
            except OSError as error:  # the last view stays
                log.error("no view is made, its file cannot be used: %s", error)
                self._stopped.wait(AGAIN_SECONDS)

    def look(self) -> None:
        """Make the next view if there is a reason, and see that all have the last. Raises OSError.

        Nothing leaves this process that is not on the disk.
        """
        reports = self._reports()
        before = self.view or self._file.read() or self._first or self._agreed(reports)
        if before is None:
            return
        known = max([before, *(one.view for one in reports.values())], key=lambda one: one.number)
        view = following(known, reports, self._gone(reports) if self._active else ())
        if view != self.view:
            self._file.write(view)
            log.info("view %d of replicas %s", view.number, ", ".join(map(str, view.ids)))
            self.view = view
        self._spread(view, reports)

    def _reports(self) -> dict[int, Report]:
        now, reports = self._clock(), {}
        for id, entry in self._said().items():
            report = understood((entry or {}).get("view"))
            if report is not None:
                reports[id], self._heard[id] = report, now
        return reports

    def _agreed(self, reports: Mapping[int, Report]) -> View | None:
        """Find the newest view without a file: one that does not answer may know a newer one."""
        if len(reports) < len(self._ids):
            return None
        return max((one.view for one in reports.values()), key=lambda one: one.number)

    def _gone(self, reports: Mapping[int, Report]) -> set[int]:
        late = self._clock() - GONE_SECONDS
        return self._held() | {
            id for id in self._ids if id not in reports and self._heard[id] < late
        }

    def _spread(self, view: View, reports: Mapping[int, Report]) -> None:
        """Send a view to who has an older one, and again to who has not reported the store yet.

        A participant reports what its disk has for certain, so it needs one more step to say so.
        """
        now = self._clock()
        for id, report in reports.items():
            sent_at = self._sent.get((id, view.number))
            waits = sent_at is not None and now - sent_at < AGAIN_SECONDS
            knows = report.view.number >= view.number and keeps(view, report, id)
            if knows or waits or self._stopped.is_set():
                continue
            self._sent = {one: at for one, at in self._sent.items() if one[1] == view.number}
            self._sent[id, view.number] = now
            members = [list(member) for member in view.members]
            try:
                self._admins.call(id, "enter", view.number, members, timeout=ENTER_PATIENCE)
            except KVError as error:
                log.info("replica %d was not sent view %d: %s", id, view.number, error)
