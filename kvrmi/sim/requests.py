"""Requests of other replicas at a simulated process: refused, kept waiting, or given to their role.

Rules: a request is for the incarnation that it was sent to; one that finds its role busy waits, for
as long as the server's wait and no longer. It does not know what a request asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from ..roles.breaking import PATIENCE_SECONDS
from ..roles.contract import Role
from .call import Call
from .interface import Process
from .network import Network

__all__ = ["Requests"]

Carry: TypeAlias = Callable[[Role, Call], None]
"""Has a role handle a request."""


class Requests:
    """Those that one process gets."""

    def __init__(
        self, process: Process, network: Network, busy: Callable[[str], bool], carry: Carry
    ) -> None:
        """`busy` is whether a role waits for its disk."""
        self._process = process
        self._network = network
        self._busy = busy
        self._carry = carry
        self._former: dict[tuple[str, int], Role] = {}
        self._waiting: dict[str, deque[Call]] = {
            role: deque() for role in process.world.declared.roles
        }

    def waiting(self, role: str) -> deque[Call]:
        """Give the requests that came while the role was busy."""
        return self._waiting[role]

    def serve(self, call: Call) -> None:
        """Serve a request that has just come."""
        name = call.to.role
        role = self._meant(call)
        if role is None:
            self._network.break_off(call, "its role is down, or is another incarnation")
        elif self._busy(name):
            self._waiting[name].append(call)
            self._process.after(name, PATIENCE_SECONDS, partial(self._give_up, name, call))
        else:
            self._network.tracing.handles(call.id, again=call.arrived)
            call.arrived = True
            self._carry(role, call)

    def serve_next(self, role: str) -> None:
        """Serve the one that has waited longest."""
        self.serve(self._waiting[role].popleft())

    def failed(self, name: str) -> None:
        """Take note that a role fails: without fences it goes on for who is connected to it."""
        one = self._process
        self._former[name, one.incarnation[name]] = one.roles[name]

    def drop(self, role: str) -> None:
        """Lose what waits for a role that went down."""
        while self._waiting[role]:
            call = self._waiting[role].popleft()
            self._network.tracing.fate(call.id, "lost", "its role went down")

    def crashed(self) -> None:
        """Take note that the process is gone."""
        self._former.clear()

    def _meant(self, call: Call) -> Role | None:
        """Find the role that a request was sent to, as far as it may still handle one."""
        name = call.to.role
        if call.target == self._process.incarnation[name]:
            return self._process.roles.get(name)
        # The connection was made to an incarnation that has been fenced since.
        fences = self._process.world.host.fences
        return None if fences else self._former.get((name, call.target))

    def _give_up(self, role: str, call: Call) -> None:
        if call in self._waiting[role]:
            self._waiting[role].remove(call)
            self._network.break_off(call, "its role was busy for too long")
