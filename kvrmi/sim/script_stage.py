"""What a script acts on: a cluster where everything takes its fixed time, and a client.

Rules: nothing is left to chance but the length of election pauses, which comes from one seed; what
is cut, dropped or held is decided here, message by message, so that a script means what it says.
It knows nothing of the words of scripts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from ..operations.commands import CommandId
from ..operations.interface import Answer
from ..roles.contract import Address, Message
from .draws import Draws
from .replica import Replica
from .scenario import Wrong
from .script_reads import Reads
from .world import World

__all__ = ["SEED", "Ask", "Pending", "Printer", "Stage", "Steady"]

SEED = "scenario"
STEADY = 0.4
"""What every draw gives: delays are in the middle of their range, and the usual happens.

Below one half, so that a connection to a dead process is refused at once, as it is on real hosts.
"""
ANSWER_WITHIN = 6.0
"""Seconds within which every request must have its answer, or be known to have lost its process."""


class Pending(Protocol):
    """A request that was sent."""

    @property
    def answer(self) -> Answer | None:
        """What it was answered; None while it waits."""
        ...


Ask: TypeAlias = Callable[[Replica, str, tuple[object, ...], CommandId | None], Pending]
"""Sends a request to a replica that is up; with an id it may be sent again."""


class _Request(NamedTuple):
    """A request that was sent: by whom it is to be answered, and what is known of that."""

    op: str
    args: tuple[object, ...]
    at: Replica
    start: int
    """Which of the starts of the replica's process has it."""
    pending: Pending

    @property
    def words(self) -> str:
        """It, as scripts write it."""
        return " ".join((self.op, *("none" if arg is None else str(arg) for arg in self.args)))

    @property
    def gone(self) -> bool:
        """Whether its process has ended, and the answer with it."""
        return not self.at.up or self.at.starts != self.start


class Printer(Protocol):
    """Prints what happens, a line each."""

    muted: bool

    def say(self, now: float, what: str) -> None:
        """Print something that happened."""
        ...

    def say_once(self, now: float, what: str) -> None:
        """Print it unless it was printed in this step of the script."""
        ...

    def step(self) -> None:
        """Begin a step of the script."""
        ...

    def look(self, world: World) -> None:
        """Print what no record shows."""
        ...


class Steady(Draws):
    """Draws the same number each time; streams for elections are those of the seed."""

    def __init__(self, *names: object) -> None:
        """Begin the stream of these names."""
        super().__init__(*names)
        self.number = lambda: STEADY


class Stage:
    """The cluster of one script, what is in the way of its messages, and the last request."""

    def __init__(self, world: World, printer: Printer, ask: Ask) -> None:
        """Use a world that has just begun."""
        self.printer = printer
        self.answer: Answer | None = None
        """What the last request was answered; None while it waits, or when its process is gone."""
        self.cuts: set[tuple[int, int]] = set()
        self.dropped: set[tuple[str, int, int]] = set()
        self.held: set[tuple[str, int, int]] = set()
        self.marked = 0
        self.world = world
        self._ask = ask
        self._keeping: deque[Callable[[], None]] = deque()
        self._last: _Request | None = None
        self._reads = Reads()
        self._open: list[_Request] = []
        """Whose answers nobody who looks on has seen."""
        world.network.catch = self._catch
        world.network.barred = self.cuts
        printer.muted = False

    def replica(self, number: int) -> Replica:
        """Give one of them; raises Wrong if there is none of that number."""
        try:
            return self.world.replicas[number]
        except KeyError:
            raise Wrong(f"there is no replica {number}") from None

    # --- time ---------------------------------------------------------------------------------

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let time pass, printing what happens; True as soon as `until` holds."""

        def look() -> bool:
            self.printer.look(self.world)
            self._show_answers()
            return until is not None and until()

        return self.world.run(seconds, until=look) and until is not None

    # --- the client ---------------------------------------------------------------------------

    def ask(self, at: Replica, op: str, args: tuple[object, ...], id: CommandId | None) -> None:
        """Send a request and do not wait; with an `id` it may be sent again."""
        self.answer = self._last = None
        if not at.up:
            raise Wrong(f"replica {at.me} is down")
        self._reads.asked(op, args, again=id is not None)
        self._last = _Request(op, args, at, at.starts, self._ask(at, op, args, id))
        self._open.append(self._last)

    def wait(self) -> None:
        """Let time pass until the last request is answered or its process is gone.

        Raises Violation if it read what was overwritten before, by a write that was acknowledged.
        """
        if not self.run(ANSWER_WITHIN, self.answered):
            raise Wrong(f"no answer within {ANSWER_WITHIN} s")
        if self._last is not None:
            stale = self._reads.answered(self._last.op, self._last.args, self.answer)
            self.world.require(not stale, stale)

    def answered(self) -> bool:
        """Return whether the last request is settled, one way or the other."""
        if self._last is None:
            return True
        self.answer = self._last.pending.answer
        return self.answer is not None or self._last.gone

    def _show_answers(self) -> None:
        """Let who looks on see what was answered since, in the order of the requests."""
        settled = [one for one in self._open if one.pending.answer is not None or one.gone]
        for one in settled:
            self._open.remove(one)
            came = one.pending.answer or "no answer, its process is gone"
            self.world.trace("client", f"{one.words} at r{one.at.me}: {came}")

    # --- messages -----------------------------------------------------------------------------

    def _catch(
        self, sender: Address, to: Address, message: Message, arrive: Callable[[], None]
    ) -> str:
        way = (type(message).__name__, sender.replica, to.replica)
        if way not in self.held | self.dropped:
            return "cut" if way[1:] in self.cuts else ""
        fate = "held" if way in self.held else "lost"
        if way in self.held:
            self._keeping.append(arrive)
        self.printer.say_once(self.world.now, f"({way[0]} {way[1]} -> {way[2]} is {fate})")
        return fate

    def deliver(self) -> None:
        """Let everything held arrive, in its order, and hold and drop nothing more."""
        self.held.clear()
        self.dropped.clear()
        while self._keeping:
            self._keeping.popleft()()

    def mend(self) -> None:
        """End all cuts, those by hand too."""
        self.cuts.clear()
        self.world.network.cuts.clear()
