"""What other replicas can call: one method of each role.

Rules: they never raise, and a call that they do not take gets an empty answer. Work that an answer
does not depend on is done after it was sent. They know no consensus and no machine.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
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


class RoleServant:
    """What is behind one role's daemon: a request in, its one answer out."""

    def __init__(
        self,
        declared: Declaration,
        codec: Codec,
        daemon: str,
        hosts: Mapping[str, RoleHost[Any]],
        router: Router,
        cuts: Cuts,
        caller: Callable[[], Caller | None],
        clock: Callable[[], float],
    ) -> None:
        """Take what `daemon` is declared to take; `caller` returns who makes the current call.

        `clock` is that of the roles' deadlines.
        """
        self._taken = {
            kind: hosts[one.lane.role]
            for kind, one in declared.requests.items()
            if one.lane.daemon == daemon
        }
        self._daemon = daemon
        self._me = router.me
        self._declared = declared
        self._codec = codec
        self._router = router
        self._cuts = cuts
        self._caller = caller
        self._later = DeferredAnswers(router, clock)
        self._rest = threading.local()

    @exposed
    def receive(self, data: bytes) -> bytes | Later:
        """Take one encoded request of another replica; its encoded answer, now or later, or b""."""
        try:
            return self._receive(data)
        except (Malformed, Fenced) as error:
            _log.debug("%s: not taken: %s", self._daemon, error)
        except Exception:
            _log.exception("%s: a call failed", self._daemon)
        return NOT_TAKEN

    def _receive(self, data: bytes) -> bytes | Later:
        if type(data) is not bytes:
            raise Malformed("not bytes")
        sender, message = self._codec.decode(data)
        caller = self._caller()
        if caller is None or caller[:2] != (sender.replica, _SPEAKS):
            raise Malformed(f"{caller} speaks as {sender}")
        host = self._taken.get(type(message))
        if host is None:
            raise Malformed(f"{type(message).__name__} is no request for this daemon")
        if not self._cuts.passes(sender.replica, self._me) or sender.replica == self._me:
            return NOT_TAKEN
        if late := self._cuts.delay(sender.replica, self._me):
            time.sleep(late)  # this connection's thread: only what comes over this link waits
        if self._declared.defers(message):
            return Later(partial(self._defer, host, sender, message))
        return self._encoded(host, sender, self._answer(host, sender, message))

    def _defer(self, host: RoleHost[Any], sender: Address, message: Message, reply: Reply) -> None:
        def answered(answer: Message | None) -> None:
            reply(self._encoded(host, sender, answer))

        self._later.begin(host, sender, message, answered)

    def _encoded(self, host: RoleHost[Any], asker: Address, answer: Message | None) -> bytes:
        if answer is None or not self._cuts.passes(self._me, asker.replica):
            return NOT_TAKEN
        return self._codec.encode(host.address, answer)

    def _answer(self, host: RoleHost[Any], sender: Address, message: Message) -> Message | None:
        envelopes = host.deliver(sender, message)
        answer: Message | None = None
        rest: list[Envelope] = []
        for envelope in envelopes:
            if answer is None and envelope.to == sender:
                answer = envelope.message
            else:
                rest.append(envelope)
        if rest:
            self._rest.envelopes = (host.address, host.incarnation, tuple(rest))
        return answer

    def after_answer(self) -> None:
        """Do what the answer did not depend on; in the thread that answered."""
        rest = self._rest.__dict__.pop("envelopes", None)
        if rest is not None:
            self._router.send(*rest)
        self._router.run()


class DeferredAnswers:
    """Hands other replicas' deferred requests to roles of ours, whose answers come later."""

    def __init__(self, router: Router, clock: Callable[[], float]) -> None:
        """`clock` is that of the roles' deadlines."""
        self._router = router
        self._clock = clock

    def begin(self, host: RoleHost[Any], sender: Address, message: Any, done: Answered) -> None:
        """Hand `message` to a role, which answers it within its timeout; `Router.run` next.

        `done` has the answer, or None if there will be none.
        """
        deadline = self._clock() + message.timeout
        self._router.expect(sender.replica, message.number, deadline, done)
        try:
            host.post(sender, message)
        except Fenced:
            self._router.forget(sender.replica, message.number)
            done(None)
