"""A store and its writer on disks in memory, with a crash between any two steps."""

from __future__ import annotations

from collections import deque
from typing import Any

from kvrmi.operations.commands import CommandId, pack_command, pack_question
from kvrmi.operations.interface import Answer, Request, check
from kvrmi.roles.contract import Address, Effects, Envelope, Message
from kvrmi.single.declaration import SINGLE
from kvrmi.single.messages import WriterUp
from kvrmi.single.store import Store
from kvrmi.single.submissions import Submission
from kvrmi.single.writer import TABLES, Writer
from kvrmi.state.history import History
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.replicated import Replicated
from kvrmi.storage.interface import Tables
from kvrmi.storage.memory import MemoryStorage

STORE_TABLES: Tables = SINGLE.tables("store.db")
PATIENCE = 2.5


class Pair:
    """Each `step` is one message, or one write; what a crash loses is `lose`d."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now
        self.writers = MemoryStorage(TABLES)
        self.stores = MemoryStorage(STORE_TABLES)
        self.start()

    def start(self) -> None:
        """Take both up from their disks, and let them meet."""
        self.events: deque[tuple[str, Any]] = deque()
        self.steps = 0
        self.writer = Writer(self.writers)
        state = Replicated.load(
            self.stores, KeyValues, history=History(open_snapshot=self.stores.snapshot)
        )
        self.store = Store(1, state, self.stores.snapshot)
        self._post("store", WriterUp())

    def run(self) -> None:
        """Go on until nothing is left to do."""
        while self.step():
            pass

    def step(self) -> bool:
        """Do the next thing; False: there is none."""
        if not self.events:
            return False
        self.steps += 1
        what, thing = self.events.popleft()
        if what == "write":
            role, effects = thing
            (self.writers if role == "writer" else self.stores).write(effects.records)
            self._leave(effects.messages)
        else:
            role = self.writer if what == "writer" else self.store
            self._settle(what, role.receive(self.now, Address(1, "host"), thing))
        return True

    def put(
        self, key: str, value: str, id: CommandId, answers: list[Answer] | None = None
    ) -> list[Answer]:
        """Submit a put; the list gets its answer."""
        answers = [] if answers is None else answers
        operation = check("put", (key, value))
        payload = pack_command(operation.known.opcode, operation.args, id)
        self.submit(Submission(Request(False, payload), self.now + PATIENCE, answers.append))
        return answers

    def submit(self, *submissions: Submission) -> None:
        self._settle("store", self.store.take(self.now, submissions))

    def get(self, key: str) -> Answer:
        operation = check("get", (key,))
        return self.store.read(pack_question(operation.known.opcode, operation.args))

    def wake(self, seconds: float) -> None:
        """Let time pass, and wake the store."""
        self.now += seconds
        self._settle("store", self.store.wake(self.now))

    def crash(self) -> None:
        """Lose what is in memory and what was not written, and start again."""
        self.start()

    def _settle(self, role: str, effects: Effects) -> None:
        if effects.records:
            self.events.append(("write", (role, effects)))
        else:
            self._leave(effects.messages)

    def _leave(self, messages: tuple[Envelope, ...]) -> None:
        for envelope in messages:
            self._post(envelope.to.role, envelope.message)

    def _post(self, role: str, message: Message) -> None:
        self.events.append((role, message))
