"""Hosts one role: one object, one lock, one incarnation; stepped, failed and restarted from disk.

Rules: what a step records is durable before its messages leave; a step happens only under the lock
and only while the role is up, so a failed incarnation never acts again. The lock is held across no
network I/O and no write: meanwhile the role handles nothing, and no thread waits but the one that
brought another replica's request. Nobody who holds the lock takes another role's.
It does not know what the messages mean, nor how they travel between replicas.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from kvrmi.roles.breaking import AGAIN_SECONDS, PATIENCE_SECONDS, ends_process, pause
from kvrmi.roles.contract import NOTHING, Address, Effects, Envelope, Message, Role
from kvrmi.roles.inbox import Inbox
from kvrmi.roles.invariants import InvariantBroken

from .rolework import Daemon, Disk, Outside
from .rolewrites import Fenced, Step, Write, Writes

__all__ = ["Fenced", "RoleHost"]

R = TypeVar("R", bound=Role)
T = TypeVar("T")


class RoleHost(Generic[R]):
    """Runs one role; safe to use from any thread.

    `load` makes the role from its disk, given the time and the incarnation. `fatal` ends the
    process when a `vital` role breaks, on which everything rests, and when any role breaks an
    invariant or finds its storage failed. Whatever else breaks is started again. `behind`: later
    steps do not wait for the records of earlier ones.
    """

    def __init__(
        self,
        address: Address,
        load: Callable[[float, int], R],
        outside: Outside,
        *,
        clock: Callable[[], float],
        fatal: Callable[[str, BaseException], None],
        log: logging.Logger,
        disk: Disk | None = None,
        behind: bool = False,
        vital: bool = False,
        note: Callable[[Address, Message | None, Effects], None] | None = None,
        let_go: Callable[[R], None] | None = None,
    ) -> None:
        """Make a host whose role is down; `start` brings it up. `let_go` ends one taken down."""
        self.address = address
        self.incarnation = 0
        self.state = "down"
        self.daemon: Daemon | None = None
        self.before_restart: Callable[[], None] | None = None
        """Called without the lock; if it raises the role stays down."""
        self._load = load
        self._outside = outside
        self.clock = clock
        self._fatal = fatal
        self._vital = vital
        self._note = note
        self._let_go = let_go
        self._log = log
        self._lock = threading.Lock()
        self._writes = Writes(address.role, disk, behind, self._lock)
        self._life = threading.RLock()
        """Held while the role is taken up or down, daemons included; before `_lock`."""
        self.inbox = Inbox(address, outside.due)
        self._role: R | None = None
        self.back_at: float | None = None  # when one that is down is to be started again
        self._ordered_down = False
        self._failures = 0

    # --- steps --------------------------------------------------------------------------------

    def deliver(self, sender: Address, message: Message) -> tuple[Envelope, ...]:
        """Handle a message now and return what goes to other replicas, its answer among it.

        Waits for the disk, as only a thread may that has nothing else to do. Messages to own roles
        are in their inboxes on return. Raises Fenced.
        """
        self._writes.enter()
        try:
            envelopes = self._step(sender, message)
            write = self._writes.under_way
        finally:
            self._lock.release()
        return envelopes if write is None else self._durable(write)

    def _durable(self, write: Write) -> tuple[Envelope, ...]:
        """Make a step's records durable; what it sends to others may leave then. Raises Fenced."""
        try:
            self._writes.carry_out(write)
        except Fenced:
            raise
        except Exception as error:
            with self._lock:
                raise self._broken(error) from error
        return self._written(write)

    def _written(self, write: Write) -> tuple[Envelope, ...]:
        with self._lock:
            self._writes.end(write)
            self._noted(write.step)
            return self.route(write.step.effects.messages)

    def _leave(self, write: Write) -> None:
        """Let a step's messages go when another thread has made its records durable."""
        with contextlib.suppress(Fenced):
            self._outside.send(self.address, write.incarnation, self._written(write))
        self._outside.run()  # who found the role taken meanwhile left it to us

    def post(self, sender: Address, message: Message) -> None:
        """Handle a message now and let what it causes leave; `Router.run` next. Raises Fenced."""
        incarnation = self.incarnation
        self._outside.send(self.address, incarnation, self.deliver(sender, message))

    def put(self, sender: Address, message: Message) -> bool:
        """Leave a message in the inbox; False if it is lost because the role is down or stuck."""
        return self._role is not None and self.inbox.put(sender, message)

    def wake_if_due(self, now: float) -> None:
        """Put a wake call into the inbox when its time has come."""
        self.inbox.wake_if_due(now)

    def work(self) -> bool:
        """Empty the inbox, unless another thread has the role: that one will look again.

        Whoever releases the lock calls this or `Router.run` afterwards. Returns whether anything
        was done.
        """
        worked = False
        while self.inbox and not self._writes.under_way and self._lock.acquire(blocking=False):
            envelopes, write = NOTHING.messages, None
            try:
                incarnation = self.incarnation
                if self._writes.under_way is None:  # else another thread was quicker
                    sender, message = self.inbox.take()
                    envelopes = self._step(sender, message)
                    write = self._writes.under_way
            except (Fenced, IndexError):
                pass  # the role went down, or another thread took the last message
            finally:
                self._lock.release()
            worked = True
            self._let_out(incarnation, envelopes, write)
        return worked

    def _let_out(
        self, incarnation: int, envelopes: tuple[Envelope, ...], write: Write | None
    ) -> None:
        """Let a step's messages go: now, or after its records, which another thread writes."""
        if write is not None:
            self._writes.begin(write, partial(self._leave, write))
        elif envelopes:
            self._outside.send(self.address, incarnation, envelopes)

    def ask(self, question: Callable[[R, float], T]) -> T:
        """Put a question to the role under its lock; it must change nothing. Raises Fenced.

        What came for the role meanwhile is carried on before this returns.
        """
        try:
            return self.look(question)
        finally:
            self.carry_on()

    def look(self, question: Callable[[R, float], T], seconds: float = PATIENCE_SECONDS) -> T:
        """Do as `ask`, for who holds another role's lock; `carry_on` once that is released."""
        if self._role is None or not self._lock.acquire(timeout=seconds):
            one, role = self.address.replica, self.address.role
            raise Fenced(f"replica {one}: {role} is down or stuck; RESTART {one} {role} starts it")
        try:
            return question(self._up(), self.clock())
        except InvariantBroken as error:
            raise self._broken(error) from error
        finally:
            self._lock.release()

    def carry_on(self) -> None:
        """Have done what waits in the inbox: who found the role taken left it to its holder."""
        if self.inbox:
            self._outside.run()

    def peek(self, question: Callable[[R], T], otherwise: T) -> T:
        """Put a question without the lock: only for what one bytecode reads; else `otherwise`."""
        return otherwise if (role := self._role) is None else question(role)

    def act(self, action: Callable[[R, float], tuple[T, Effects]]) -> T:
        """Have the role do something under its lock; its messages leave. Raises Fenced."""
        self._writes.enter()
        try:
            incarnation, role = self.incarnation, self._up()
            try:
                answer, effects = action(role, self.clock())
                envelopes = self._settle(Step(self.address, None, effects))
            except Exception as error:
                raise self._broken(error) from error
            write = self._writes.under_way
        finally:
            self._lock.release()
        self._let_out(incarnation, envelopes, write)
        return answer

    def _step(self, sender: Address, message: Message | None) -> tuple[Envelope, ...]:
        role = self._up()
        now = self.clock()  # read under the lock: a wait for it must not make a lease look young
        try:
            effects = role.wake(now) if message is None else role.receive(now, sender, message)
            return self._settle(Step(sender, message, effects))
        except Exception as error:
            raise self._broken(error) from error

    def _noted(self, step: Step) -> None:
        """Write the step to the log; a line that cannot be written stops nothing."""
        if self._note is not None:
            try:
                self._note(*step)
            except Exception:
                self._log.exception("a step could not be noted")

    def _settle(self, step: Step) -> tuple[Envelope, ...]:
        """Post what is for own roles and return what is for others: what may leave at once."""
        effects = step.effects
        self.inbox.wake(effects.wake_at)
        if effects.records:
            self._writes.take(step, self.incarnation, partial(self._leave_behind, self.incarnation))
        if self._writes.under_way is None:
            self._noted(step)
        return NOTHING.messages if effects.records else self.route(effects.messages)

    def _leave_behind(self, incarnation: int, messages: tuple[Envelope, ...]) -> None:
        with self._lock:  # before the next one is loaded, or not at all: its disk may be another
            others = self.route(messages) if incarnation == self.incarnation else ()
        self._outside.send(self.address, incarnation, others)
        self._outside.run()

    def route(self, messages: tuple[Envelope, ...]) -> tuple[Envelope, ...]:
        """Post what is for own roles; return what is for others."""
        me = self._outside.me
        for envelope in messages:
            if envelope.to.replica == me:
                self._outside.post(self.address, envelope)
        return tuple([envelope for envelope in messages if envelope.to.replica != me])

    def _up(self) -> R:
        if self._role is None:
            raise Fenced(f"{self.address.role} is down")
        return self._role

    def _ends_all(self, error: Exception) -> bool:
        return ends_process(error, vital=self._vital)

    def _broken(self, error: Exception) -> Fenced:
        if self._ends_all(error):
            # Its memory is ahead of its disk: not one more answer, whatever ending takes.
            self._drop("down", None)
            self._fatal(self.address.role, error)
            return Fenced(f"{self.address.role} broke, the process ends")
        self._log.error("broken, starts again: %s", error, exc_info=error)
        self._failures += 1
        self._drop("restarting", self.clock() + pause(self._failures))
        return Fenced(f"{self.address.role} broke")

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Take the role up from its disk as a new incarnation and open its daemon.

        Harmless when it is up. Raises OSError when the port is taken, and what `load` and
        `before_restart` raise.
        """
        with self._life:
            if self._role is not None:
                return
            if self.incarnation and self.before_restart is not None:
                self.before_restart()
            if not self._writes.fence():
                self._postpone()
                raise Fenced(f"{self.address.role} starts when its disk has written what it has")
            with self._lock:
                self._take_up()
            if self.daemon is not None:
                self.daemon.open()

    def fail(self, reason: str, back_after: float | None = None) -> bool:
        """Take the role down as if its thread had died; up again after `back_after` seconds.

        Memory is dropped, connections are cut; None: stays down until `start`. False: was down.
        One that was failed before is left as it was ordered then, with its time to come back.
        A role that does not come free of its lock in five seconds ends the process.
        """
        with self._life:
            if self._ordered_down:
                return False
            was_up = self._fail(reason, back_after)
            self._ordered_down = True
        return was_up

    def _fail(self, reason: str, back_after: float | None) -> bool:
        was_up = self._take_down(None if back_after is None else self.clock() + back_after)
        self._log.warning("FAILED incarnation=%d reason=%s", self.incarnation, reason)
        return was_up

    def stop(self, last: Callable[[R, float], Effects] | None = None) -> None:
        """Take the role down because the process ends; `last` is its last step, if it is up.

        Only for one written behind: its records, and messages to own roles, are of use still.
        """
        with self._life:
            self._take_down(None, last)

    def _take_up(self) -> None:
        self.incarnation += 1
        now = self.clock()
        role = self._loaded(now)
        self.back_at = None
        self._ordered_down = False
        self.inbox.clear(wake_at=now)
        self.state = "up"
        self._role = role
        self._outside.changed()

    def _loaded(self, now: float) -> R:
        try:
            return self._load(now, self.incarnation)
        except Exception as error:
            # At the first start the program that starts us says why, and ends as well.
            if self.incarnation > 1 and self._ends_all(error):
                self._fatal(self.address.role, error)
            raise

    def _take_down(
        self, back_at: float | None, last: Callable[[R, float], Effects] | None = None
    ) -> bool:
        if not self._lock.acquire(timeout=5 * PATIENCE_SECONDS):
            self._fatal(self.address.role, RuntimeError("stuck, cannot be fenced"))
            return False
        try:
            was_up = self._role is not None
            if self._role is not None and last is not None:
                self._last_step(self._role, last)
            self._drop("down" if back_at is None else "restarting", back_at)
        finally:
            self._lock.release()
        if self.daemon is not None:
            self.daemon.cut()
        return was_up

    def _last_step(self, role: R, last: Callable[[R, float], Effects]) -> None:
        try:
            self._settle(Step(self.address, None, last(role, self.clock())))
        except Exception as error:
            self._broken(error)

    def supervise(self) -> None:
        """Look after the role: call it at `back_at`, and several times a second, in one thread."""
        with self._life:
            if self._role is not None:
                if self.daemon is not None and not self.daemon.alive:
                    self._fail("its request loop ended", pause(1))
            elif self.back_at is not None and self.clock() >= self.back_at:
                self._restart()

    def _restart(self) -> None:
        try:
            if self.daemon is not None:
                self.daemon.cut()  # a role that broke by itself left it open
            self.start()
        except Exception as error:
            self._log.error("cannot start again: %s", error)
            self._postpone()

    def _postpone(self) -> None:
        with self._lock:
            self._drop("restarting", self.clock() + AGAIN_SECONDS)

    def _drop(self, state: str, back_at: float | None) -> None:
        role, self._role = self._role, None
        self._writes.drop()
        self.inbox.clear(wake_at=None)
        self.state = state
        self.back_at = back_at
        self._ordered_down = False
        self._outside.changed()
        if role is not None and self._let_go is not None:
            try:
                self._let_go(role)
            except Exception:
                self._log.exception("a role that was taken down did not let go of all it held")
