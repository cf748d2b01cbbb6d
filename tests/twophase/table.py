"""Real managers and participants around a table; every message is handed by hand.

Rules: records are written before messages leave; what `lost` names is lost, and reported as the
host does.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from kvrmi.cluster.timing import Timing
from kvrmi.operations.commands import CommandId, encode_command, encode_question
from kvrmi.operations.interface import Answer, Request
from kvrmi.roles.contract import Address, Effects, Envelope, Message, NotSent
from kvrmi.roles.declaration import Setting
from kvrmi.storage.memory import MemoryStorage
from kvrmi.twophase.declaration import TWOPHASE
from kvrmi.twophase.manager import Manager
from kvrmi.twophase.participant import Participant
from kvrmi.twophase.parts import Parts
from kvrmi.twophase.submissions import Submission

__all__ = ["Table", "made"]

Lost = Callable[[Address, Envelope], bool]
TABLES = TWOPHASE.tables("participant.db")


def made(nth: int, at: int) -> Answer:
    """Give the answer to the nth write of three replicas' store, if replica `at` made it."""
    return Answer("OK", 3 * nth + at - 1, 3 * nth + at - 1)


class Table:
    """Replicas 1 to `count`; time stands still but for `pass_time`."""

    def __init__(self, count: int = 3) -> None:
        self.ids = tuple(range(1, count + 1))
        self.now = 10.0
        self.disks: dict[int, Any] = {}
        self.down: set[int] = set()
        self.lost: Lost = lambda sender, envelope: False
        self.sent: list[tuple[Address, Address, Message]] = []
        self.managers: dict[int, Manager] = {}
        self.participants: dict[int, Participant] = {}
        self._post: deque[tuple[Address, Envelope]] = deque()
        for id in self.ids:
            self.format(id)
            self.start(id)
        self.run()

    def format(self, id: int, disk: str = "") -> None:
        """Give a replica a new disk; `disk` names one that replaces a lost one."""
        self.disks[id] = MemoryStorage(TABLES), disk

    def start(self, id: int) -> None:
        """Start a process from its disk, and wake its roles."""
        storage, disk = self.disks[id]
        setting = Setting(
            me=id, ids=self.ids, timing=Timing(), keep=10, boot=bytes(8), rng=random.Random(1),
            disk=disk, recovering=bool(disk), founding=not disk, others=None,  # type: ignore[arg-type]
        )  # fmt: skip
        self.down.discard(id)
        self.participants[id] = Parts().participant(setting, storage, self.now)
        self.managers[id] = Parts().manager(setting, None, self.now)
        self.wake(id)

    def kill(self, id: int) -> None:
        """Kill a process; its disk stays."""
        self.down.add(id)
        self._post = deque(one for one in self._post if one[0].replica != id)

    def wake(self, id: int) -> None:
        """Wake both roles of a replica."""
        for name in ("participant", "manager"):
            self._settle(Address(id, name), self._role(id, name).wake(self.now))

    def pass_time(self, seconds: float) -> None:
        """Let time pass in steps, with everybody woken."""
        end = self.now + seconds
        while self.now < end:
            self.now = round(self.now + 0.1, 6)
            for id in self.ids:
                if id not in self.down:
                    self.wake(id)
            self.run()

    def run(self) -> None:
        """Hand over what is on its way, and what comes of it."""
        while self._post:
            sender, envelope = self._post.popleft()
            self._hand(sender, envelope)

    def deliver(self, id: int, role: str, message: Message) -> None:
        """Give a role a message of its host."""
        self._hand(Address(id, "host"), Envelope(Address(id, role), message))

    def _hand(self, sender: Address, envelope: Envelope) -> None:
        to, message = envelope.to, envelope.message
        if to.replica in self.down or self.lost(sender, envelope):
            if sender.replica not in self.down and type(message) in TWOPHASE.requests:
                news = NotSent(to.replica, message)
                step = self._role(sender.replica, sender.role).receive(self.now, to, news)
                self._settle(sender, step)
            return
        self._settle(to, self._role(to.replica, to.role).receive(self.now, sender, message))

    def _role(self, id: int, name: str) -> Any:
        return (self.managers if name == "manager" else self.participants)[id]

    def _settle(self, me: Address, effects: Effects) -> None:
        if effects.records:
            self.disks[me.replica][0].write(effects.records)
        for envelope in effects.messages:
            self.sent.append((me, envelope.to, envelope.message))
            self._post.append((me, envelope))

    # --- clients ----------------------------------------------------------------------------------

    def write(
        self, at: int, op: str, *args: object, request: tuple[str, int] | None = None
    ) -> Submission:
        """Submit a command at a replica; `run` brings the answer."""
        manager = self.managers[at]
        id: CommandId = request or manager.next_id()
        return self._submit(at, Request(False, encode_command(op, args, id)))

    def put(self, at: int, key: str, value: str) -> Answer | None:
        """Put, with all that follows; the answer, None if there is none yet."""
        submission = self.write(at, "put", key, value)
        self.run()
        return submission.answer

    def read(self, at: int, op: str, *args: object, stale: bool = False) -> Submission:
        """Submit a question at a replica."""
        return self._submit(at, Request(True, encode_question(op, args)), stale=stale)

    def get(self, at: int, key: str) -> object:
        """Get, at once; the code of the answer if that is no value, None if there is no answer."""
        submission = self.read(at, "get", key)
        self.run()
        answer = submission.answer
        return None if answer is None else answer.value if answer.code == "OK" else answer.code

    def _submit(self, at: int, request: Request, *, stale: bool = False) -> Submission:
        submission = self.managers[at].submission(self.now, request, stale=stale)
        self._settle(Address(at, "manager"), self.managers[at].take(self.now, (submission,)))
        return submission

    def holds(self, key: str) -> list[object]:
        """Give what each store has, whoever may read it."""
        question = encode_question("get", (key,))
        return [self.participants[id].state.read(question).value for id in self.ids]
