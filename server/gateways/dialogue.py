"""One connection without its socket: bytes in, operations out, replies in the order of requests.

Rules: what may be open together is open together, the rest waits (order.py); puts that follow each
other are stored as one; what comes in or waits to go out stays within limits. Everything is called
in one thread. It knows no socket and no engine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias, cast

from kvrmi.errors import InvalidRequest
from kvrmi.operations.interface import Result, Value, check
from kvrmi.wire.replies import OK, error
from kvrmi.wire.resp import ProtocolError, Requests

from .data import value
from .definition import Ask, Command, Conversation, Plan, Refused, Words, invalid, text
from .order import Order
from .table import find

__all__ = ["OPEN_MOST", "OUTPUT_MOST", "Dialogue", "Noted", "Submit"]

OPEN_MOST = 2000
"""Commands of one connection that may be open."""
READS_MOST = 32
"""Of them reads: each may bring a value of any size."""
OUTPUT_MOST = 1 << 20
"""Bytes that may wait for a client to read them before its next command begins."""
_GATHERED_MOST = 500
_GATHERED_BYTES = 256 << 10
"""Puts in one step, besides one of any size."""

Submit: TypeAlias = Callable[[Ask, Callable[[Result], None]], None]
"""Begins an operation; its answer comes at once or later, in the thread of the dialogue."""
Noted: TypeAlias = Callable[[Words], Callable[[bytes], None]]
"""Hears a request; what it returns hears the reply."""


class _Slot:
    """The place of one reply among those of its connection."""

    __slots__ = ("command", "noted", "reply", "words")

    def __init__(self, command: Command | None, words: Words) -> None:
        self.command = command
        """None where no key is touched until it is answered."""
        self.words = words
        self.reply: bytes | None = None
        self.noted: Callable[[bytes], None] | None = None


class _Work:
    """A plan that is carried out, and the operations that it waits for."""

    __slots__ = ("left", "plan", "results", "slot", "waits")

    def __init__(self, slot: _Slot, plan: Plan) -> None:
        self.slot = slot
        self.plan = plan
        self.left = 0
        self.results: list[Result | None] = []
        self.waits = False
        """Whether it goes on when the last answer comes; else they come while it asks."""


class Dialogue:
    """What one client says and is answered."""

    def __init__(
        self,
        conversation: Conversation,
        submit: Submit,
        noted: Noted | None = None,
        *,
        gathers: bool = True,
    ) -> None:
        """Begin; `noted` hears of every request. `gathers`: there is an operation for many puts."""
        self.conversation = conversation
        self.ended = False
        """Whether nothing is answered any more after what is open: the client said so, or erred."""
        self._submit = submit
        self._noted = noted
        self._gathers = gathers
        self._requests = Requests()
        self._slots: deque[_Slot] = deque()
        self._order = Order()
        self._next: tuple[Command, Words] | None = None
        """A command that waits for open ones."""
        self._puts: list[tuple[_Slot, str, Value]] = []
        self._puts_bytes = 0
        self._advancing = False
        self._output: list[bytes] = []
        self._output_bytes = 0

    @property
    def open(self) -> int:
        """How many commands are not answered."""
        return len(self._slots)

    @property
    def kept(self) -> int:
        """Bytes that are kept of what came in and of what is to go out."""
        return self._requests.unfinished + self._output_bytes

    @property
    def hungry(self) -> bool:
        """Whether more input may come: not while what is there waits for open commands or room."""
        return not self.ended and self._next is None and self._has_room()

    def feed(self, data: bytes) -> None:
        """Take bytes as they came, and begin what may begin."""
        self._requests.feed(data)
        self.advance()

    @property
    def stirs(self) -> bool:
        """Whether there is something to send, or to keep account of."""
        return bool(self._output or self._requests.unfinished) or not self.hungry

    def take_output(self) -> bytes:
        """Take what is to be sent; begins what waited for room."""
        if not self._output:
            return b""
        output = b"".join(self._output)
        self._output.clear()
        self._output_bytes -= len(output)
        self.advance()
        return output

    def refuse(self, why: str) -> None:
        """Answer what is open, then an error, and nothing more."""
        self._store()
        self.ended, self._next = True, None
        self._end(self._slot(None, ()), error(why))
        self._drain()

    def give_up(self, refusal: str) -> None:
        """Answer what is open with an error now, and nothing more."""
        self.ended, self._next = True, None
        for slot in self._slots:
            if slot.reply is None:
                self._end(slot, error(refusal))
        self._drain()

    def advance(self) -> None:
        """Begin every command that may begin."""
        if self._advancing:  # an answer that came at once: who asked goes on
            return
        self._advancing = True
        try:
            while self._round():
                pass
        finally:
            self._advancing = False

    def _round(self) -> bool:
        """Begin what may begin now; whether more may, because of what was answered at once."""
        more = True
        while more and not self.ended and self._has_room():
            found = self._next or self._parsed()
            more, self._next = found is not None, None
            if found is not None and not self._gathered(*found) and not self._begun(*found):
                more, self._next = False, found
        self._store()
        return self._drain() and (more or self._next is not None) and not self.ended

    # --- requests ---------------------------------------------------------------------------------

    def _has_room(self) -> bool:
        full = len(self._slots) >= OPEN_MOST or self._order.reads >= READS_MOST
        return not full and self._output_bytes < OUTPUT_MOST

    def _parsed(self) -> tuple[Command, Words] | None:
        """Return the next request that is a command; others are answered in their place."""
        while True:
            try:
                words = self._requests.take()
            except ProtocolError as problem:
                self.refuse(f"Protocol error: {problem}; the connection ends")
                return None
            if words is None:
                return None
            command = find(words[0])
            if command is not None:
                return command, words
            name = ascii(words[0][:40].decode(errors="backslashreplace"))
            unknown = f"INVALID: there is no command {name} here: HELP lists those that are"
            self._end(self._slot(None, words), error(unknown))

    def _slot(self, command: Command | None, words: Words) -> _Slot:
        slot = _Slot(command, words)
        if self._noted is not None:
            slot.noted = self._noted(words)
        self._slots.append(slot)
        return slot

    def _gathered(self, command: Command, words: Words) -> bool:
        """Add a put to those before it; False if it is none, or has to wait."""
        if not (self._gathers and command.gathers and len(words) == command.least):
            return False
        if len(self._puts) >= _GATHERED_MOST or self._puts_bytes > _GATHERED_BYTES:
            self._store()
        if not self._order.admits(command, words):
            return False
        slot = self._slot(command, words)
        try:
            key, put = check("put", (text(words[1]), value(words[2]))).args
        except (InvalidRequest, Refused) as problem:
            slot.command = None
            why = str(problem) if isinstance(problem, Refused) else str(invalid(str(problem)))
            self._end(slot, error(why))
            return True
        self._puts.append((slot, cast(str, key), cast(Value, put)))
        self._puts_bytes += len(words[2])
        return True

    def _begun(self, command: Command, words: Words) -> bool:
        """Begin a command; False if it has to wait for open ones."""
        self._store()
        if not self._order.admits(command, words):
            return False
        slot = self._slot(command, words)
        self._order.begin(command, words)
        try:
            command.check(words)
        except Refused as problem:
            self._end(slot, error(str(problem)))
        else:
            self._carry_on(_Work(slot, command.plan(self.conversation, words)), None)
        self.ended |= self.conversation.over
        return True

    # --- operations -------------------------------------------------------------------------------

    def _store(self) -> None:
        """Begin the puts that were gathered."""
        puts, self._puts, self._puts_bytes = self._puts, [], 0
        if not puts:
            return
        slots = [slot for slot, _key, _value in puts]
        for slot in slots:
            self._order.begin(cast(Command, slot.command), slot.words)
        if len(puts) == 1:
            ask = Ask("put", puts[0][1:])
        else:
            ask = Ask("put_many", ([[key, put] for _slot, key, put in puts],))
        self._submit(ask, partial(self._stored, slots))

    def _stored(self, slots: Sequence[_Slot], result: Result) -> None:
        reply = OK if result.code == "OK" else error(f"{result.code}: {result.value}")
        for slot in slots:
            self._end(slot, reply)
        self.advance()

    def _carry_on(self, work: _Work, results: Sequence[Result] | None) -> None:
        """Go on with a plan until it waits for an answer, or ends."""
        while True:
            try:
                asks = next(work.plan) if results is None else work.plan.send(results)
            except StopIteration as end:
                return self._end(work.slot, end.value)
            except Refused as problem:
                return self._end(work.slot, error(str(problem)))
            work.left, work.results, work.waits = len(asks), [None] * len(asks), False
            for place, ask in enumerate(asks):
                self._submit(ask, partial(self._answered, work, place))
            if work.left:
                work.waits = True
                return None
            results = cast(list[Result], work.results)

    def _answered(self, work: _Work, place: int, result: Result) -> None:
        work.results[place] = result
        work.left -= 1
        if work.waits and not work.left:
            self._carry_on(work, cast(list[Result], work.results))
            self.advance()

    # --- replies ----------------------------------------------------------------------------------

    def _end(self, slot: _Slot, reply: bytes) -> None:
        """Note a reply, unless it was given up before; it leaves when its turn comes."""
        if slot.reply is not None:
            return
        slot.reply = reply
        self._output_bytes += len(reply)
        if slot.command is not None:
            self._order.end(slot.command, slot.words)
        if slot.noted is not None:
            slot.noted(reply)

    def _drain(self) -> bool:
        """Put replies out as far as they are there in order; whether there were any."""
        slots, before = self._slots, len(self._slots)
        while slots and (reply := slots[0].reply) is not None:
            slots.popleft()
            self._output.append(reply)
        return len(slots) < before
