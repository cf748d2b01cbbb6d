"""What other replicas can call: one method of each role.

Rules: they never raise, and a call that they do not take gets an empty answer. Work that an answer
does not depend on is done after it was sent. They know no consensus and no machine.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from kvrmi.cluster.cuts import Cuts
from kvrmi.remote.identity import Caller
from kvrmi.remote.later import Later, Reply
from kvrmi.roles.codec import Codec, Malformed
from kvrmi.roles.contract import Address, Envelope, Message
from kvrmi.roles.declaration import Declaration

from .objectdaemon import exposed
from .rolehost import Fenced, RoleHost
from .router import Answered, Router

_log = logging.getLogger("kvrmi.server.servant")

NOT_TAKEN = b""
"""Answers a call that was refused, malformed, or came to a role that is away."""
_SPEAKS = "replica"
"""As what a caller has to be known: others know the secret too, and have no vote."""


AnswerLater = Callable[[Address, Any, Answered], None]
"""Takes a deferred request, and calls back with its answer when it is there; None: it never is."""


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
        """`caller` returns who makes the current call; `answer_later` brings deferred answers."""
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
    def receive(self, data: bytes) -> bytes | Later:
        """Take one encoded request of another replica; its encoded answer, now or later, or b""."""
        try:
            return self._receive(data)
        except (Malformed, Fenced) as error:
            _log.debug("%s: not taken: %s", self._host.address.role, error)
        except Exception:
            _log.exception("%s: a call failed", self._host.address.role)
        return NOT_TAKEN

    def _receive(self, data: bytes) -> bytes | Later:
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
        if self._answer_later is not None and self._declared.defers(message):
            return Later(partial(self._defer, self._answer_later, sender, message))
        return self._encoded(sender, self._answer(sender, message))

    def _defer(
        self, answer_later: AnswerLater, sender: Address, message: Message, reply: Reply
    ) -> None:
        answer_later(sender, message, lambda answer: reply(self._encoded(sender, answer)))

    def _encoded(self, asker: Address, answer: Message | None) -> bytes:
        if answer is None or not self._faults.passes(self._host.address.replica, asker.replica):
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
    """Hands other replicas' deferred requests to a role of ours, whose answers come later."""

    def __init__(self, host: RoleHost[Any], router: Router, clock: Callable[[], float]) -> None:
        """`host` is the role's, `clock` that of its deadlines."""
        self._host = host
        self._router = router
        self._clock = clock

    def begin(self, sender: Address, message: Any, done: Answered) -> None:
        """Hand `message` to the role, which answers it within its timeout; `Router.run` next."""
        deadline = self._clock() + message.timeout
        self._router.expect(sender.replica, message.number, deadline, done)
        try:
            self._host.post(sender, message)
        except Fenced:
            self._router.forget(sender.replica, message.number)
            done(None)
