"""Carries every message a role wants sent: to own roles by their inboxes, to others by transport.

Rules: messages between two roles of this replica arrive in the order they were sent; any thread
may carry them on, and whoever made a role do something calls `run` afterwards, holding no lock.
A message that cannot be delivered is lost, or comes back as NotSent where that is declared.
It does not know what the messages mean.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from kvrmi.roles.contract import Address, Envelope, Message, NotSent
from kvrmi.roles.declaration import Declaration

from .rolehost import RoleHost

_log = logging.getLogger("kvrmi.server.router")

OVERDUE_SECONDS = 10.0
"""A deferred request whose role has not answered for so long after its time is given up."""


class Sender(Protocol):
    """What the router needs of the transport."""

    def send(
        self, sender: Address, incarnation: int, envelopes: Iterable[Envelope]
    ) -> list[Envelope]:
        """Send requests without blocking; those of which not one byte left."""
        ...


Answered = Callable[[Message | None], None]
"""Takes the answer of a deferred request; None if there will be none."""


class Router:
    """Posts, sends and drains; safe to use from any thread."""

    def __init__(self, declared: Declaration, me: int) -> None:
        """`me` is this replica; call `connect` before any role starts."""
        self.me = me
        self._returned = declared.returned
        self._late = declared.late
        self._hosts: dict[str, RoleHost[Any]] = {}
        self._order: tuple[RoleHost[Any], ...] = ()
        self._transport: Sender | None = None
        self._due: Callable[[float], None] = lambda _: None
        self._changed: Callable[[], None] = lambda: None
        self._awaited: dict[tuple[int, int], tuple[float, Answered]] = {}
        self._awaited_lock = threading.Lock()

    def connect(
        self,
        hosts: Iterable[RoleHost[Any]],
        transport: Sender,
        due: Callable[[float], None],
        changed: Callable[[], None],
    ) -> None:
        """Give it the roles and the transport.

        `due` hears when a role is to be woken, `changed` when one came up or went down.
        """
        self._due = due
        self._changed = changed
        self._order = tuple(hosts)
        self._hosts = {host.address.role: host for host in self._order}
        self._transport = transport

    def due(self, at: float) -> None:
        """Pass on that a role is to be woken at `at`."""
        self._due(at)

    def changed(self) -> None:
        """Pass on that a role came up or went down."""
        self._changed()

    def post(self, sender: Address, envelope: Envelope) -> None:
        """Leave a message in an own role's inbox; what came to a role that is down is lost.

        Save what comes back to its sender, as declared.
        """
        to, message = envelope.to, envelope.message
        if not self._hosts[to.role].put(sender, message) and type(message) in self._returned:
            self._hosts[sender.role].put(to, NotSent(self.me, message))

    def send(self, sender: Address, incarnation: int, envelopes: tuple[Envelope, ...]) -> None:
        """Send messages to other replicas, in their order."""
        transport = self._transport
        if transport is None:
            raise RuntimeError("the router is not connected")
        requests: list[Envelope] = []
        for envelope in envelopes:
            if type(envelope.message) in self._late:
                self._answer(envelope.to, envelope.message)
            else:
                requests.append(envelope)
        for unsent in transport.send(sender, incarnation, requests):
            lost = NotSent(unsent.to.replica, unsent.message)
            self._hosts[sender.role].put(unsent.to, lost)

    def run(self) -> None:
        """Empty all inboxes, save those of roles that another thread has: it will do it."""
        while any([host.work() for host in self._order]):
            pass

    # --- answers that come later ----------------------------------------------------------------

    def expect(self, replica: int, number: int, deadline: float, answered: Answered) -> None:
        """Have `answered` called with the answer of deferred request `number` of `replica`.

        Its role answers by `deadline`, of which nobody here is sure: what is long overdue is given
        up when another comes.
        """
        with self._awaited_lock:
            overdue = [
                key for key, (end, _) in self._awaited.items() if end + OVERDUE_SECONDS < deadline
            ]
            given_up = [self._awaited.pop(key)[1] for key in overdue]
            self._awaited[replica, number] = (deadline, answered)
        for one in given_up:
            one(None)

    def forget(self, replica: int, number: int) -> None:
        """End that waiting."""
        with self._awaited_lock:
            self._awaited.pop((replica, number), None)

    def _answer(self, to: Address, message: Any) -> None:
        with self._awaited_lock:
            awaited = self._awaited.pop((to.replica, message.number), None)
        if awaited is None:
            _log.info(
                "late answer %d to replica %d dropped: its request is over",
                message.number,
                to.replica,
            )
        else:
            awaited[1](message)
