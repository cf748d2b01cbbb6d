"""One process as an engine: from a checked operation to the store's batches and back.

Rule: it knows the store and no Pyro; reads are answered from memory at once, in the thread that
asks, writes once their batch is durable.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from functools import partial

from kvrmi.operations.commands import CommandId, pack_command, pack_question
from kvrmi.operations.interface import Answer, Done, Operation, Request, Result
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.single.store import NO_BALLOT, Store
from kvrmi.single.submissions import STARTING, Submission

from ..hosts import Hosts
from ..rolehost import Fenced, RoleHost
from ..router import Router
from . import blocks, pending
from .handed import Handed, waited
from .opened import LOST, LOST_READ
from .served import Actions, Turns

__all__ = ["SingleEngine"]


class SingleEngine:
    """Every operation on one durable store; any thread may use it."""

    name = "single"
    leader = 0

    def __init__(
        self,
        me: int,
        hosts: Hosts,
        router: Router,
        turns: Turns,
        patience: float,
        status: Callable[[], dict[str, object]],
        refusals: Callable[[], Sequence[str]],
        vocabulary: Vocabulary,
    ) -> None:
        """Serve as replica `me`; parameters as those of every engine."""
        self.capabilities = frozenset(vocabulary.clients)
        self.status = status
        self._vocabulary = vocabulary
        self._me = me
        self._store: RoleHost[Store] = hosts["store"]
        self._patience = patience
        self._boot = os.urandom(8)
        self._counter = itertools.count(1)
        self._handed: Handed[Submission, Store] = Handed(self._store, turns, patience, STARTING)
        self.actions = Actions(
            log=partial(blocks.blocks, self._store, vocabulary),
            why=partial(blocks.why, self._store),
            chain=partial(blocks.chain, self._store),
            tentative=self.tentative,
            queue=self.queue,
        )

    def submit(self, operation: Operation, request: tuple[str, int] | None, done: Done) -> None:
        """Begin a checked operation; `done` gets the answer within the request time."""
        known, args, _ = operation
        if known.reads:
            done(self._result(self._read(pack_question(known.opcode, args))))
            return
        id: CommandId = request or (self._me, self._boot, next(self._counter))
        asked = Request(False, pack_command(known.opcode, args, id))
        self._handed.hand(
            lambda _, now, settled: Submission(asked, now + self._patience, settled),
            lambda answer: done(self._result(answer)),
        )

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        """Carry out a checked operation; answers within the request time."""
        result = waited(lambda done: self.submit(operation, request, done), self._patience)
        return result or self._result(LOST_READ if operation.reads else LOST)

    def tentative(self) -> dict[str, object]:
        """Show the batch that is being made durable. Raises Fenced."""
        batch, applied, hash = self._store.ask(
            lambda store, _: (store.batch, store.applied, store.log.hash)
        )
        under_way = [(applied + 1, NO_BALLOT, batch)] if batch else []
        return pending.undecided(under_way, applied, hash, self._vocabulary)

    def queue(self) -> dict[str, object]:
        """List the requests that are not answered yet, by what they wait for. Raises Fenced."""

        def held(store: Store, now: float) -> tuple[float, dict[str, list[Submission]]]:
            found = {"waiting": store.waiting, "in_flight": store.under_way}
            return now, {name: [one for one in ones if one.settled] for name, ones in found.items()}

        now, found = self._store.ask(held)
        return pending.listed(found, now, self._vocabulary)

    def _read(self, question: bytes) -> Answer:
        try:
            return self._store.ask(lambda store, _: store.read(question))
        except Fenced:
            return STARTING

    def _result(self, answer: Answer) -> Result:
        return Result(*answer, self._me, self.leader, False)
