"""From a request of an admitted connection to its answer: in its own thread, or on a reactor.

Rules: the calls of one connection begin in their order, each after the answer of the one before;
who answers never waits for the reader; what may take long, a large or unfinished frame, a batch, an
answer that is not read, happens in a thread of the connection's own, on a reactor as well.
It does not know who may connect.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import NoReturn

from Pyro5.callcontext import current_context

from .budget import Unread
from .calls import Calls, Hangup, Slow
from .frames import Frame, FrameError, TooLarge
from .listener import Connection, Listener
from .payload import LARGE
from .ratelimit import RateLimit
from .reactor import NEVER, Reactor

__all__ = ["Exchanges"]

_log = logging.getLogger("kvrmi.remote.exchanges")

_DROPPED_BYTES = 64 << 20
"""So much of a message that is too large is read, and dropped, for its sender to read an answer."""
_IN_A_ROW = 16
"""So many calls of one connection are answered before others have their turn."""


class Exchanges:
    """The calls of one daemon's connections."""

    def __init__(
        self,
        calls: Calls,
        listener: Listener,
        *,
        idle: float,
        unread: Unread,
        after_answer: Callable[[], None],
        on_end: Callable[[Connection], None],
        reactor: Reactor | None,
    ) -> None:
        """`on_end` is called when an admitted connection has ended; else as Daemon has it."""
        self._calls = calls
        self._listener = listener
        self._idle = idle
        self._unread = unread
        self._after_answer = after_answer
        self._on_end = on_end
        self._reactor = reactor
        self._watched: dict[int, Connection] = {}
        self._sweep_at = NEVER
        self._ended = RateLimit(_log, logging.INFO)
        if reactor is not None:
            reactor.add_timer(lambda: self._sweep_at - monotonic(), self._sweep)

    def serve(self, conn: Connection) -> bool:
        """Answer what comes on `conn`; False once it has ended, True if the reactor goes on."""
        if self._reactor is not None:
            self._reactor.soon(partial(self._attend, conn))
            return True
        try:
            while True:
                self.handle(conn)
        except (OSError, FrameError, Hangup) as error:
            self._note(error)
        finally:
            self._on_end(conn)
        return False

    # --- in a thread of the connection's own ------------------------------------------------------

    def handle(self, conn: Connection) -> None:
        """Wait for a message on `conn` and answer it, or have it answered later.

        Raises OSError, FrameError or Hangup when the connection is of no more use.
        """
        if conn.channel.holds_room:
            self._take_turn(conn)  # what large messages take together is given back one by one
            conn.turn.release()
        try:
            frame = conn.channel.receive(self._idle)
        except TooLarge as error:
            self._take_turn(conn)
            self._refuse(conn, error)
        self._take_turn(conn)
        self._carry_out(conn, frame)

    def _finish(self, conn: Connection) -> None:
        """Wait for the rest of a message that has begun, and answer it."""
        try:
            frame = conn.channel.receive(self._idle)
        except TooLarge as error:
            self._refuse(conn, error)
        self._carry_out(conn, frame)

    def _refuse(self, conn: Connection, error: TooLarge) -> NoReturn:
        """Say why to whoever sends too much, once that has passed by. Raises Hangup, or OSError."""
        self._note(error)
        conn.channel.drop(error.size, _DROPPED_BYTES)
        answer = self._calls.too_large(error)
        if answer:
            conn.channel.send(answer)
        raise Hangup("a message was too large")

    def _carry_out(self, conn: Connection, frame: Frame) -> None:
        """Call what `frame` says and answer, as soon as the answer is there; this may wait."""
        conn.idle_since = 0.0
        answered = False
        try:
            answer = self._calls.answer(frame, partial(self._later, conn), base64=conn.base64)
            del frame
            answered = answer is not None
            if answer is not None:
                _dealt_with(conn)
                if answer:
                    self._send(conn, answer)
        finally:
            self._after_answer()
            if answered:
                self._free(conn)

    def _take_turn(self, conn: Connection) -> None:
        """Wait until the answer before is sent. Raises Hangup if it does not come in time."""
        if not conn.turn.acquire(timeout=self._idle):
            raise Hangup("an answer never came")

    def _send(self, conn: Connection, answer: bytes) -> None:
        if len(answer) <= LARGE or conn.caller is not None:
            conn.channel.send(answer)
            return
        give_up = conn.channel.cut
        self._unread.begin(len(answer), give_up)
        try:
            conn.channel.send(answer)
        finally:
            self._unread.end(give_up)

    # --- in whatever thread -----------------------------------------------------------------------

    def _later(self, conn: Connection, answer: bytes) -> None:
        """Send an answer that somebody brings, who must not wait: another thread sends the rest."""
        _dealt_with(conn)
        try:
            rest = conn.channel.offer(answer) if answer else b""
        except OSError:
            rest = b""
            conn.channel.cut()
        if not rest:
            self._free(conn)
        elif not self._listener.spare(partial(self._send_rest, conn, rest)):
            conn.channel.cut()
            self._free(conn)

    def _send_rest(self, conn: Connection, rest: bytes) -> None:
        try:
            self._send(conn, rest)
        except OSError as error:
            _log.debug("an answer was not read: %s", error)
            conn.channel.cut()
        finally:
            self._free(conn)

    def _free(self, conn: Connection) -> None:
        """Let the next call of `conn` begin; a reactor that looks away from it looks again."""
        conn.channel.forget()
        conn.idle_since = monotonic()
        conn.turn.release()
        if self._reactor is not None and conn.unwatched:
            self._reactor.soon(partial(self._attend, conn))

    def _note(self, error: Exception) -> None:
        if isinstance(error, FrameError):
            self._ended.say("ended a connection: %s", error)
        else:
            _log.debug("connection ended: %s", error)

    # --- in the reactor's thread ------------------------------------------------------------------

    def _attend(self, conn: Connection) -> None:
        """Watch `conn` again, if nobody else works on it, and go on with what it has sent."""
        reactor = self._reactor
        if reactor is None or not conn.unwatched or conn.turn.locked():
            return
        descriptor = conn.channel.stream.fileno()
        if descriptor < 0:
            return  # it has ended
        conn.unwatched = False
        self._watched[descriptor] = conn
        self._sweep_at = min(self._sweep_at, monotonic() + self._idle)
        try:
            reactor.watch(descriptor, partial(self._ready, conn))
        except OSError as error:
            self._note(error)
            self._end(conn)  # the kernel watches no more descriptors
            return
        if conn.channel.begun:
            self._ready(conn, 0)

    def _look_away(self, conn: Connection) -> None:
        if self._reactor is not None and not conn.unwatched:
            descriptor = conn.channel.stream.fileno()
            self._reactor.forget(descriptor)
            del self._watched[descriptor]
            conn.unwatched = True

    def _ready(self, conn: Connection, _: int) -> None:
        """Answer what has come whole; it may have come while a call runs, and waits then."""
        try:
            for _ in range(_IN_A_ROW):
                if not self._next(conn):
                    return
        except (OSError, FrameError, Hangup) as error:
            self._note(error)
            self._end(conn)
        except Exception:
            _log.exception("a connection failed")
            self._end(conn)
        else:
            if conn.channel.begun and self._reactor is not None:
                self._reactor.soon(partial(self._ready, conn, 0))

    def _next(self, conn: Connection) -> bool:
        """Begin the next call, if it has come; whether another has come and may begin at once."""
        if conn.unwatched:
            return False
        if not conn.turn.acquire(blocking=False):
            return self._postpone(conn)
        try:
            frame = conn.channel.ready()
        except TooLarge as error:
            self._in_a_thread(conn, partial(self._refuse, conn, error))
            return False
        if frame is None:
            if conn.channel.begun:
                self._in_a_thread(conn, partial(self._finish, conn))
            else:
                conn.turn.release()
            return False
        conn.idle_since = 0.0
        try:
            self._begin(conn, frame)
        except Slow:
            self._in_a_thread(conn, partial(self._carry_out, conn, frame))
            return False
        if not conn.channel.begun:
            return False
        return self._postpone(conn) if conn.turn.locked() else True

    def _postpone(self, conn: Connection) -> bool:
        """Look away until the call that runs is answered, or it would be reported all the time."""
        self._look_away(conn)
        if not conn.turn.locked():  # it was answered just now, and nobody saw that we looked away
            self._attend(conn)
        return False

    def _begin(self, conn: Connection, frame: Frame) -> None:
        current_context.client = conn
        later = partial(self._later, conn)
        answer = self._calls.answer(frame, later, base64=conn.base64, quick=True)
        if answer is not None:
            self._later(conn, answer)

    def _in_a_thread(self, conn: Connection, work: Callable[[], None]) -> None:
        """Have one call of `conn` handled where it may wait; then it is watched again."""
        self._look_away(conn)
        if not self._listener.spare(partial(self._alone, conn, work)):
            self._end(conn)

    def _alone(self, conn: Connection, work: Callable[[], None]) -> None:
        current_context.client = conn
        try:
            work()
        except (OSError, FrameError, Hangup) as error:
            self._note(error)
        except Exception:
            _log.exception("a connection failed")
        else:
            return
        if self._reactor is not None:
            self._reactor.soon(partial(self._end, conn))

    def _end(self, conn: Connection) -> None:
        self._look_away(conn)
        self._on_end(conn)
        self._listener.end(conn)

    def _sweep(self) -> None:
        """End connections that have been idle too long, and note when to look again."""
        now = monotonic()
        oldest = NEVER
        for conn in list(self._watched.values()):
            if conn.idle_since and now - conn.idle_since >= self._idle:
                self._end(conn)
            else:
                oldest = min(oldest, conn.idle_since or now)
        self._sweep_at = oldest + self._idle


def _dealt_with(conn: Connection) -> None:
    """Note that the answer is there, whether it is read or not.

    Who does not read it waits for itself: like an idle one it can make room.
    """
    conn.channel.forget()
    conn.idle_since = monotonic()
