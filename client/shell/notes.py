"""What a person should see of a fail-over: which replica was left and why, and who answers now.

Rules: one line an event, printed once it is settled; the same trouble is reported once in half a
minute. It asks nobody, decides nothing, and belongs to the one thread that runs the commands: what
happens in others is handed over, and taken in when that thread gets to it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from threading import Timer, local

from kvrmi.access.events import Answered, Asked, Event, Failed, Observer

__all__ = ["Notes", "Progress"]

TIMEOUT = 1.0
"""Seconds without an answer after which it is shown what is waited for."""
AGAIN = 30.0
"""Seconds after which the same trouble with the same replica is worth another line."""
BURST = 1.0
"""Seconds for which other trouble with the same replica is the same: many ask it at once."""
_PREFIXES = ("cannot connect: ", "connection lost: ")


class Progress:
    """What happened so far to one command, which may be several operations after one another."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.sent: dict[str, None] = {}
        """Who may have got a request of it, in the order they were asked."""
        self.settle()

    def settle(self) -> None:
        """Forget the operation before."""
        self.failures: dict[str, str] = {}
        self.began: float | None = None
        self.waiting = False


class Notes:
    """An observer of a store (kvrmi/access/events.py); `say` prints a line beside the answers."""

    def __init__(
        self,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        person: bool = False,
    ) -> None:
        """Nothing was asked yet; `clock` gives seconds; person: somebody sits and waits."""
        self.replica: int | None = None
        self.leader: int | None = None
        """Who answered last, and whom it follows; None while that is not known."""
        self.running = Progress()
        """Of the command that this thread runs."""
        self.then: Observer | None = None
        """Who gets each event next."""
        self._say = say
        self._clock = clock
        self._reported: dict[str, tuple[str, float]] = {}
        """Of those that have not answered since: what was reported of them, and when."""
        self._person = person
        self._timer: Timer | None = None
        self._thread = local()
        """`hand_over`, in a thread that does."""

    def begin(self) -> None:
        """Forget the command before."""
        self.running = Progress()

    def end(self) -> None:
        """Nobody waits for an answer any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @contextlib.contextmanager
    def handed_over(self, hand_over: Callable[[Event], None]) -> Iterator[None]:
        """Hand over what happens to operations of this thread."""
        self._thread.hand_over = hand_over
        try:
            yield
        finally:
            del self._thread.hand_over

    def __call__(self, event: Event) -> None:
        """Take in what happens to an operation, or hand it over."""
        hand_over: Callable[[Event], None] | None = getattr(self._thread, "hand_over", None)
        if hand_over is not None:
            hand_over(event)
        else:
            self.take(event, self.running)

    def take(self, event: Event, of: Progress) -> None:
        """Take in what happened to an operation of this command."""
        self.end()
        now = self._clock()
        if of.began is None:
            of.began = now
        if isinstance(event, Asked):
            of.sent[_who(event)] = None
            self._watch(_who(event), of)
        elif isinstance(event, Failed):
            of.failures[_who(event)] = _trouble(event)
            self._report_waiting(of, now - of.began)
        else:
            self._report(event, of, now)
            self.replica = event.replica or None
            self.leader = event.leader or self.leader
            of.settle()
        if self.then is not None:
            self.then(event)

    def _watch(self, who: str, of: Progress) -> None:
        """Show after a second for whom one waits; in a thread, since this one waits too."""
        if self._person:
            self._timer = Timer(TIMEOUT, self._report_silence, (who, of))
            self._timer.daemon = True
            self._timer.start()

    def _report_silence(self, who: str, of: Progress) -> None:
        of.waiting = True
        self._say(f"waiting for {who}; Ctrl-C ends it")

    def _report_waiting(self, of: Progress, seconds: float) -> None:
        """Show once what is wrong while no replica answers."""
        if not of.waiting and seconds > TIMEOUT:
            of.waiting = True
            self._say("; ".join([*_folded(of.failures), "still trying"]))

    def _report(self, answer: Answered, of: Progress, now: float) -> None:
        """Show what an answer has changed, if anything."""
        who = _who(answer)
        back = [self._reported.pop(who, None), of.failures.pop(who, None)] != [None, None]
        moved = answer.leader is not None and self.leader not in (None, answer.leader)
        news = [name for name in of.failures if self._is_news(name, of, now, moved=moved)]
        if news or back or (of.waiting and of.failures):
            answers = f"{who} answers {'again' if back else 'now'}{_following(answer)}"
            self._say("; ".join([*_folded(of.failures), answers]))
        elif moved:
            self._say(f"replica {answer.leader} leads now, replica {self.leader} did before")
        self._reported |= {name: (of.failures[name], now) for name in news}

    def _is_news(self, who: str, of: Progress, now: float, *, moved: bool) -> bool:
        trouble, when = self._reported.get(who, ("", now - 2 * AGAIN))
        if not moved and trouble == of.failures[who]:
            return now - when > AGAIN
        return now - when > BURST or moved


def _who(event: Event) -> str:
    return f"replica {event.replica}" if event.replica else event.address


def _trouble(failed: Failed) -> str:
    """Describe a failure; what it says of the request is left out, since that goes on elsewhere."""
    reason = failed.reason.partition(";")[0]
    for prefix in _PREFIXES:
        reason = reason.removeprefix(prefix)
    does = "does not" if failed.code is None else "cannot"
    return f"{does} answer ({reason[:1].lower()}{reason[1:]})"


def _folded(failures: Mapping[str, str]) -> Iterator[str]:
    """Make one part of a line of all that have the same trouble."""
    for trouble in dict.fromkeys(failures.values()):
        *others, last = (who for who, same in failures.items() if same == trouble)
        if others:
            yield f"{', '.join(others)} and {last} {trouble.replace('does', 'do', 1)}"
        else:
            yield f"{last} {trouble}"


def _following(answer: Answered) -> str:
    if answer.leader is None:
        return ""
    leads = answer.leader == answer.replica
    return " and leads" if leads else f" and follows leader {answer.leader}"
