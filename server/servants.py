"""What other replicas can call: one method of each role.

Rules: they never raise, and a call that they do not take gets an empty answer. Work that an answer
does not depend on is done after it was sent. They know no consensus and no machine.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from kvrmi.cluster.cuts import Cuts
from kvrmi.remote.identity import Caller
from kvrmi.roles.codec import Codec, Malformed
from kvrmi.roles.contract import Address, Envelope, Message
from kvrmi.roles.declaration import Declaration

from .driver import Driver
from .objectdaemon import exposed
from .rolehost import Fenced, RoleHost
from .router import Router

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("kvrmi.server.servant")

NOT_TAKEN = b""
"""Answers a call that was refused, malformed, or came to a role that is away."""
_SPEAKS = "replica"
"""As what a caller has to be known: others know the secret too, and have no vote."""


AnswerLater = Callable[[Address, Any], Message | None]
"""Takes a deferred request, and returns its answer when it is there; None if it never is."""


class RoleServant:
    """One role's remote face: a request in, its one answer out."""

    def __init__(
        self,
        declared: Declaration,
        codec: Codec,
        host: RoleHost[Any],
        router: Router,
        faults: Cuts,
        caller: Callable[[], Caller | None],
        answer_later: AnswerLater | None,
    ) -> None:
        """`caller` returns who makes the current call, `answer_later` a deferred one's answer."""
        daemon = host.address.role
        self._taken = {kind for kind, one in declared.requests.items() if one.lane.daemon == daemon}
        self._declared = declared
        self._codec = codec
        self._host = host
        self._router = router
        self._faults = faults
        self._caller = caller
        self._answer_later = answer_later
        self._rest = threading.local()

    @exposed
    def receive(self, data: bytes) -> bytes:
        """Take one encoded request of another replica; its encoded answer, or b""."""
        try:
            return self._receive(data)
        except (Malformed, Fenced) as error:
            _log.debug("%s: not taken: %s", self._host.address.role, error)
        except Exception:
            _log.exception("%s: a call failed", self._host.address.role)
        return NOT_TAKEN

    def _receive(self, data: bytes) -> bytes:
        if type(data) is not bytes:
            raise Malformed("not bytes")
        sender, message = self._codec.decode(data)
        caller = self._caller()
        if caller is None or caller[:2] != (sender.replica, _SPEAKS):
            raise Malformed(f"{caller} speaks as {sender}")
        if type(message) not in self._taken:
            raise Malformed(f"{type(message).__name__} is no request for this role")
        me = self._host.address.replica
        if not self._faults.passes(sender.replica, me) or sender.replica == me:
            return NOT_TAKEN
        answer: Message | None
        if self._answer_later is not None and self._declared.defers(message):
            answer = self._answer_later(sender, message)
        else:
            answer = self._answer(sender, message)
        if answer is None or not self._faults.passes(me, sender.replica):
            return NOT_TAKEN
        return self._codec.encode(self._host.address, answer)

    def _answer(self, sender: Address, message: Message) -> Message | None:
        envelopes = self._host.deliver(sender, message)
        answer: Message | None = None
        rest: list[Envelope] = []
        for envelope in envelopes:
            if answer is None and envelope.to == sender:
                answer = envelope.message
            else:
                rest.append(envelope)
        if rest:
            self._rest.envelopes = (self._host.incarnation, tuple(rest))
        return answer

    def after_answer(self) -> None:
        """Do what the answer did not depend on; in the thread that answered."""
        rest = self._rest.__dict__.pop("envelopes", None)
        if rest is not None:
            self._router.send(self._host.address, *rest)
        self._router.run()


class DeferredAnswers:
    """Where a worker waits until a role of ours has settled another replica's requests."""

    def __init__(
        self,
        host: RoleHost[Any],
        router: Router,
        driver: Driver,
        clock: Callable[[], float],
        settle: Callable[[], None],
    ) -> None:
        """`settle` makes the role of `host` give up what is overdue."""
        self._host = host
        self._router = router
        self._driver = driver
        self._clock = clock
        self._settle = settle

    def wait(self, sender: Address, message: Any) -> Message | None:
        """Hand `message` to the role and wait for its answer, at most its timeout."""
        deadline = self._clock() + message.timeout
        awaited = self._router.expect(sender.replica, message.number)
        try:
            self._host.post(sender, message)
            self._router.run()
            if not self._driver.wait(awaited, deadline):
                self._settle()
            return awaited.answer
        finally:
            self._router.forget(sender.replica, message.number, awaited)
