"""What a scenario acts on when it is played on processes: a cluster of its own, and a client.

Rules: everything is done as an operator could do it; a request goes to the replica that is named
and to no other, and is never repeated; whatever was done is undone by `tidy`.
It knows nothing of the words of scenarios.
"""

from __future__ import annotations

import contextlib
import secrets
import signal
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from threading import Thread
from typing import Any, NamedTuple

from kvrmi.cluster import naming
from kvrmi.cluster.status import ClusterStatus, ReplicaEntry
from kvrmi.errors import KVError, from_builtin
from kvrmi.operations.interface import Answer
from kvrmi.remote.proxy import connect
from kvrmi.sim.scenario import Wrong

from ...nemesis.subject import Subject, whole

__all__ = ["SETTLE", "Stage"]

SETTLE = 20.0
"""Seconds for what follows by itself on processes, where machines are slow and busy."""
TICK = 0.05
ANSWER_WITHIN = 10.0
"""Seconds for an answer: a replica gives one within three."""
LONG = 3600.0
"""Seconds that a disk is out of order, unless it is mended."""
_STATES = {"held": "down", "not answering": "stopped"}


class _Asked(NamedTuple):
    thread: Thread
    found: list[Answer | None]


class Stage:
    """The cluster of one scenario, and its last request; used by one thread."""

    def __init__(self, subject: Subject, say: Callable[[str], None]) -> None:
        """`subject` runs; `say` gets a line for each thing that is seen to happen."""
        self.subject = subject
        self.say = say
        self.marked = 0
        self._session = secrets.token_hex(4)
        """Of clients of this play: others may have had their names."""
        self._asked: _Asked | None = None
        self._leader: int | None = None
        self._states: Mapping[int, str] = {}
        self._out: set[int] = set()

    @property
    def ids(self) -> tuple[int, ...]:
        """All replicas."""
        return self.subject.cluster.ids

    def check(self, replica: int) -> int:
        """Return the number if there is such a replica; raises Wrong."""
        if replica not in self.ids:
            raise Wrong(f"there is no replica {replica}")
        return replica

    # --- time -------------------------------------------------------------------------------------

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let time pass and report what happens; True as soon as `until` holds."""
        by = time.monotonic() + seconds
        while True:
            self.status()
            if until is not None and until():
                return True
            if time.monotonic() >= by:
                return False
            time.sleep(min(TICK, max(0.0, by - time.monotonic())))

    def status(self) -> ClusterStatus:
        """Look at the cluster, and report what is new."""
        status = self.subject.status()
        states = {one["id"]: _STATES.get(one["state"], one["state"]) for one in status["replicas"]}
        for replica, state in states.items():
            if self._states.get(replica, "up") != state:
                self.say(f"replica {replica} is {state}")
        if status["leader"] != self._leader:
            leader = status["leader"]
            self.say("nobody leads" if leader is None else f"replica {leader} leads")
        self._states, self._leader = states, status["leader"]
        return status

    def entry(self, replica: int) -> ReplicaEntry:
        """Look at one replica."""
        self.check(replica)
        return next(one for one in self.status()["replicas"] if one["id"] == replica)

    # --- the client -------------------------------------------------------------------------------

    def ask(self, at: int, op: str, args: tuple[Any, ...], id: tuple[str, int] | None) -> None:
        """Send a request and do not wait; with an `id` it may be sent again."""
        found: list[Answer | None] = []
        request = None if id is None else [f"{id[0]}-{self._session}", id[1]]
        thread = Thread(target=lambda: found.append(self.call(at, op, args, request)), daemon=True)
        self._asked = _Asked(thread, found)
        thread.start()

    def wait(self) -> None:
        """Wait for the answer to the last request, or until its process is gone."""
        if self._asked is not None:
            self._asked.thread.join(ANSWER_WITHIN)
        if not self.answered():
            raise Wrong(f"no answer within {ANSWER_WITHIN:g} s")

    def answered(self) -> bool:
        """Return whether the last request is settled, one way or the other."""
        return self._asked is None or not self._asked.thread.is_alive()

    @property
    def answer(self) -> Answer | None:
        """What the last request was answered; None while it waits, or if its process is gone."""
        found = self._asked.found if self._asked is not None else []
        return found[0] if found else None

    def call(
        self, at: int, op: str, args: tuple[Any, ...], request: object = None
    ) -> Answer | None:
        """Ask one replica once; None if it was there and gave no answer."""
        member = self.subject.cluster.member(self.check(at))
        try:
            with connect(
                member.host, member.client, naming.kvstore(at), timeout=ANSWER_WITHIN,
                credentials=None,
            ) as proxy:  # fmt: skip
                found = proxy.call(op, list(args), request)
        except Exception as error:
            known = from_builtin(error)
            return None if known is None else Answer(known.code, str(known), 0)
        return Answer("OK", found["value"], found["revision"] or 0)

    # --- what is done to it -----------------------------------------------------------------------

    def kill(self, replica: int) -> None:
        """End a process at once; it stays down."""
        if not self.subject.kill(replica, force=True):
            raise Wrong(f"replica {replica} could not be killed: it is not up")

    def start(self, replica: int) -> None:
        """Start one that is down."""
        if not self.subject.bring_back(replica):
            raise Wrong(f"replica {replica} could not be started")

    def pause(self, replica: int) -> None:
        """Stop a process where it stands."""
        if not self.subject.signal(self.check(replica), signal.SIGSTOP):
            raise Wrong(f"replica {replica} is down")

    def resume(self, replica: int) -> None:
        """Let a process that was stopped go on."""
        if not self.subject.signal(self.check(replica), signal.SIGCONT):
            raise Wrong(f"replica {replica} is down")

    def fail(self, replica: int, role: str) -> None:
        """Take a role down."""
        if not self.subject.fail_role(self.check(replica), role, None):
            raise Wrong(f"replica {replica} has no {role} that could fail")

    def restart(self, replica: int, role: str) -> None:
        """Bring a role back."""
        if not self.subject.restart_role(self.check(replica), role):
            raise Wrong(f"replica {replica} has no {role} that could be restarted")

    def lose_disk(self, replica: int) -> None:
        """End a process, and delete all that it had on disk."""
        self.subject.kill(self.check(replica), force=True)
        self.subject.wipe(replica, "all")

    def hang_disk(self, replica: int) -> None:
        """Have a disk do nothing."""
        if not self.subject.hang_disk(self.check(replica), LONG):
            raise Wrong(f"replica {replica} is down")

    def mend_disk(self, replica: int) -> None:
        """Have a disk work again; that of a process that ended works when it starts."""
        self.subject.hang_disk(self.check(replica), 0.0)

    def cut(self, links: Collection[tuple[int, int]]) -> None:
        """Cut links, one way each."""
        self.subject.cut(links, "both")

    def mend(self) -> None:
        """End all cuts."""
        self._until(self.subject.heal, "not every replica that runs could be reached")

    def transfer(self, to: int) -> None:
        """Have an operator ask the leader to hand over."""
        if not self.subject.transfer(self.check(to)):
            raise Wrong(f"replica {to} could not be made the leader")

    def prepare(self, keys: Collection[str]) -> None:
        """Begin without these keys, and with the first replica leading if one has to.

        Nothing is said meanwhile: the story has not begun.
        """
        if self.subject.status()["leader"] not in (None, self.ids[0]):
            self._until(partial(self.subject.transfer, self.ids[0]), "replica 1 does not lead")
        for key in keys:
            self._until(partial(self._deleted, key), f"{key} could not be deleted")

    def _deleted(self, key: str) -> bool:
        answer = self.call(self.ids[0], "delete", (key,))
        return answer is not None and answer.code == "OK"

    def tidy(self) -> None:
        """Undo whatever was done, and wait until all is well; raises Wrong if it stays ill."""
        for replica in self.ids:
            self.subject.signal(replica, signal.SIGCONT)
            self.subject.hang_disk(replica, 0.0)
        self._until(self.subject.heal, "the links could not be healed")
        for entry in self.subject.status()["replicas"]:
            if entry["state"] in ("held", "down"):
                self.subject.bring_back(entry["id"])
            for role, about in (entry["roles"] or {}).items():
                if about["state"] != "up":
                    self.subject.restart_role(entry["id"], role)
        self._until(lambda: whole(self.subject.status()), "not all replicas came back")

    def _until(self, holds: Callable[[], bool], otherwise: str) -> None:
        by = time.monotonic() + 3 * SETTLE
        while True:
            with contextlib.suppress(KVError):
                if holds():
                    return
            if time.monotonic() > by:
                raise Wrong(otherwise)
            time.sleep(TICK)
