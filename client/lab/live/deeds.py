"""What the page can do to a cluster on this machine, and the prompt has no word for.

Rules: processes are signalled by what their command line names, never by a number alone; a disk is
wiped only of a replica that is down, while all others have theirs and enough of them are up;
everything here has its way back, and `UNDO` goes all of them.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kvrmi.access.store import Store
from kvrmi.cluster.file import find
from kvrmi.cluster.status import ClusterStatus, ReplicaEntry, is_up
from kvrmi.errors import ConnectionFailed, InvalidRequest, KVError

from ... import signals
from ...admin import Admin
from ...admins import admins_of
from ...options import Options

__all__ = ["DEEDS", "Deed", "Deeds"]

HANG_SECONDS = 5.0
SLOW_SECONDS = 0.1
GONE_SECONDS = 10.0
"""For a killed process to end."""


class Deeds:
    """The cluster that options name, for those who may order it."""

    def __init__(self, options: Options, admin: Admin, store: Store) -> None:
        """Ask nobody yet."""
        self._options = options
        self._admin = admin
        self._store = store

    def pause(self, replica: int) -> str:
        """Stop a process without ending it, as a machine that hangs does."""
        self._signal(replica, signal.SIGSTOP)
        return f"replica {replica} is paused (SIGSTOP): time goes on, its process does not"

    def go_on(self, replica: int) -> str:
        """Let a paused process go on."""
        self._signal(replica, signal.SIGCONT)
        return f"replica {replica} is resumed: it goes on where it was"

    def hang(self, replica: int) -> str:
        """Have a replica's disk do nothing for a while."""
        self._ask(replica, "hang_disk", HANG_SECONDS)
        return f"replica {replica}: its disk does nothing for {HANG_SECONDS:g} s"

    def unhang(self, replica: int) -> str:
        """End that: what waited is written."""
        self._ask(replica, "hang_disk", 0.0)
        return f"replica {replica}: its disk goes on, as far as it was held up here"

    def slow(self, one: int, other: int) -> str:
        """Delay what passes between two replicas."""
        for here, there in ((one, other), (other, one)):
            self._ask(here, "slow", there, here, SLOW_SECONDS)
        late = f"{SLOW_SECONDS * 1000:g} ms"
        return f"between replicas {one} and {other} each request takes {late} longer"

    def wipe(self, replica: int) -> str:
        """Kill a replica, delete its folder, and start it without what it had promised."""
        _check_spared(self._admin.status(), replica)
        folder = self._file().parent / f"replica{replica}"
        if not folder.is_dir():
            raise InvalidRequest(f"{folder} is not on this machine; nothing was done")
        pid = self._pid(replica)
        self._admin.order("kill", (replica, None, None, True))
        self._await_end(pid)
        shutil.rmtree(folder)
        self._admin.order("start", (replica, None, None, False))
        return f"replica {replica} lost its disk: it votes again once others have let it back in"

    def undo(self) -> str:
        """Heal, let go on, start and restart all that was failed, whoever failed it."""
        done = list(self._undone())
        return "; ".join(done) or "nothing was failed"

    def _undone(self) -> Iterator[str]:
        for entry in self._entries():
            if not _answers(entry) and entry.get("pid"):
                with contextlib.suppress(KVError):
                    yield self.go_on(entry["id"])
        with contextlib.suppress(KVError):
            healed = self._admin.order("heal", ())
            if healed.fields["healed"]:
                yield healed.text
        for entry in self._entries():
            if entry["state"] in ("held", "down"):
                yield self._tried("start", entry["id"], None, None, False)
            for role, one in (entry.get("roles") or {}).items():
                if one["state"] != "up":
                    yield self._tried("restart", entry["id"], role, None, False)
            if _answers(entry):
                with contextlib.suppress(KVError):  # an engine without a disk of its own
                    self._ask(entry["id"], "hang_disk", 0.0)

    def _tried(self, name: str, *args: object) -> str:
        try:
            return self._admin.order(name, args).text
        except KVError as error:
            return f"{error.code}: {error}"

    # --- means ------------------------------------------------------------------------------------

    def _entries(self) -> list[ReplicaEntry]:
        return self._admin.status()["replicas"]

    def _file(self) -> Path:
        """Find the cluster file, which names the processes too. Raises InvalidRequest."""
        admins_of(self._store, self._options.config, self._options.named)  # it is that cluster's
        path = find(self._options.config)
        if path is None:
            raise InvalidRequest("that needs the cluster file: name it with --config")
        return path

    def _pid(self, replica: int) -> int | None:
        return next((one.get("pid") for one in self._entries() if one["id"] == replica), None)

    def _signal(self, replica: int, number: signal.Signals) -> None:
        pid = self._pid(replica)
        if pid is None or not signals.send(pid, number, str(self._file())):
            raise ConnectionFailed(
                f"replica {replica} has no process on this machine that belongs to {self._file()}; "
                "nothing was done"
            )

    def _await_end(self, pid: int | None) -> None:
        deadline = time.monotonic() + GONE_SECONDS
        while pid is not None and signals.command_line(pid) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _ask(self, replica: int, method: str, *args: object) -> Any:
        admins = admins_of(self._store, self._options.config, self._options.named)
        return admins.replica(replica, method, *args)


def _check_spared(status: ClusterStatus, replica: int) -> None:
    """Raise InvalidRequest where a disk that is lost now could be one too many."""
    entries, votes = status["replicas"], status["quorum"]
    others = sum(is_up(one) for one in entries if one["id"] != replica)
    if others < votes:
        raise InvalidRequest(
            f"it takes {votes} others to let one without its disk back in, and {others} are up: "
            "what its disk alone has would be lost; nothing was done"
        )
    recovering = [one["id"] for one in entries if one["state"] == "recovering"]
    if recovering:
        raise InvalidRequest(
            f"replica {recovering[0]} is still getting its disk back: a second one lost now "
            "could be one too many; nothing was done"
        )


def _answers(entry: ReplicaEntry) -> bool:
    return entry.get("counters") is not None


class Deed(NamedTuple):
    """One word: what it does, with how many replicas; whether it takes a vote away."""

    act: Callable[..., str]
    numbers: int = 1
    takes_away: bool = False


DEEDS = {
    "PAUSE": Deed(Deeds.pause, takes_away=True),
    "CONTINUE": Deed(Deeds.go_on),
    "HANG": Deed(Deeds.hang),
    "UNHANG": Deed(Deeds.unhang),
    "SLOW": Deed(Deeds.slow, numbers=2),
    "WIPE": Deed(Deeds.wipe),
    "UNDO": Deed(Deeds.undo, numbers=0),
}
