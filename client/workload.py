"""A workload on a running cluster, recorded as a history: who asked what, when, what came of it.

Rules: every key is new to the cluster (a random name of the run is part of it) and every value
written once, so that what is read shows who wrote it; an operation is ok only with its answer in
hand, and failed only when the store says that nothing was done. Operations over several keys stay
within four neighbours, or the checker could not take the history apart.
It does not know whether anything is being broken meanwhile.
"""

from __future__ import annotations

import math
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from kvrmi import cli
from kvrmi.access.store import Store
from kvrmi.checker.history import FAIL, OK, UNKNOWN, Operation
from kvrmi.errors import InvalidRequest, KVError
from kvrmi.operations.interface import LINEARIZABLE, LOCAL
from kvrmi.operations.table import NUMBERED

from .history import Recorder, outcome
from .render import Printer

__all__ = ["Client", "Keys", "Settings", "Workload", "main"]

GROUP = 4
"""Neighbours that operations over several keys touch together."""
COUNTERS = 4
THINK = 0.012
"""Seconds a client thinks between two operations, on average."""
_FINAL = 60.0
"""Seconds for the reads at the end, which are repeated until they succeed."""
_JOIN = 20.0

HASTY = 1.0
"""Seconds after which every third client gives up: only those meet unknown outcomes at all."""

Open = Callable[[int | None, float | None], Store]
"""Opens a session of its own that asks this replica first (None: follows the leader), and gives up
after so many seconds (None: the usual)."""
Call = tuple[str, tuple[Any, ...]]


class Settings(NamedTuple):
    """How much of it."""

    clients: int = 8
    keys: int = 100
    seed: int = 0
    think: float = THINK
    """Seconds between two operations of a client, on average."""


class Keys:
    """The keys of one run: in groups of neighbours, each used in one way only."""

    def __init__(self, count: int, run: str) -> None:
        """Name `count` keys, some counters besides; keys written once are named as they come."""
        self.run = run
        names = [f"key/{run}/{at // GROUP:03}/{at % GROUP}" for at in range(count)]
        self.groups = [tuple(names[at : at + GROUP]) for at in range(0, count, GROUP)]
        self.counters = [f"counter/{run}/{number}" for number in range(COUNTERS)]

    def together(self, group: int) -> bool:
        """Whether a group is read and written as a whole too."""
        return group % 3 == 0

    def swapped(self, group: int) -> bool:
        """Whether a group's keys are swapped and deleted too."""
        return group % 3 == 1

    def finals(self, once: Sequence[str]) -> Iterator[Call]:
        """Give the reads that see every key at the end."""
        for number, group in enumerate(self.groups):
            if self.together(number):
                yield "get_many", (group,)
            else:
                yield from (("get", (key,)) for key in group)
        yield from (("get", (key,)) for key in self.counters)
        for at in range(0, len(once), GROUP):
            yield "get_many", (tuple(once[at : at + GROUP]),)


class Client:
    """One client: a session, a name, and draws."""

    def __init__(self, name: str, store: Store, keys: Keys, recorder: Recorder, seed: str) -> None:
        """Use `store` for everything; `seed` decides what is asked."""
        self.name = name
        self._base = name
        self._lives = 0
        self._store = store
        self._keys = keys
        self._recorder = recorder
        self._draws = random.Random(seed)
        self._written = 0
        self._seen: dict[str, Any] = {}  # the last value met under a key: what to swap

    def run(self, stop: threading.Event, think: float) -> None:
        """Ask, wait for the answer, think, ask again, until asked to stop."""
        while not stop.wait(self._draws.uniform(0, 2 * think)):
            self.step()

    def step(self) -> None:
        """Do one thing, of one or two operations."""
        draw = self._draws.random()
        if draw < 0.08:
            self._count(self._draws.choice(self._keys.counters))
        elif draw < 0.12:
            self.ask("put", (f"once/{self._keys.run}/{self._base}/{self._written}", self._value()))
        elif draw < 0.16 and self._recorder.once:
            self.ask("get", (self._draws.choice(self._recorder.once),))
        elif draw < 0.20:
            self._look()
        else:
            self.ask(*self._drawn())

    def ask(self, op: str, args: tuple[Any, ...]) -> Operation:
        """Carry out one operation and record it; whatever goes wrong is its outcome."""
        call = time.monotonic()
        try:
            answer = self._store.call(op, *_sent(op, args))
        except Exception as error:
            done = self._failed(op, args, call, error)
        else:
            done = self._answered(op, args, call, answer)
        self._recorder.record(done)
        if done.outcome == UNKNOWN:
            # It may take effect at any time from now on, which one that works on cannot have open.
            self._lives += 1
            self.name = f"{self._base}.{self._lives}"
        return done

    def _answered(
        self, op: str, args: tuple[Any, ...], call: float, answer: dict[str, Any]
    ) -> Operation:
        returned = time.monotonic()
        value = answer["value"]
        if op in NUMBERED:
            value = None  # the answer is the revision, which is a field
        elif op == "get_many":
            value = tuple(value)
        elif op == "scan":
            value = tuple(map(tuple, value))
        self._meet(op, args, value)
        where = (answer["revision"], answer["replica"])
        return Operation(self.name, op, args, call, returned, OK, value, *where)

    def _failed(self, op: str, args: tuple[Any, ...], call: float, error: Exception) -> Operation:
        if not isinstance(error, KVError) or isinstance(error, InvalidRequest):
            self._recorder.surprise(f"{op} raised {type(error).__name__}: {error}"[:300])
        came = outcome(op, error)
        returned = math.inf if came == UNKNOWN else time.monotonic()
        return Operation(self.name, op, args, call, returned, came)

    def _meet(self, op: str, args: tuple[Any, ...], value: Any) -> None:
        if op == "get":
            self._seen[args[0]] = value
        elif op == "put":
            self._seen[args[0]] = args[1]
        elif op == "delete":
            self._seen[args[0]] = None
        elif op == "cas" and value:
            self._seen[args[0]] = args[2]

    def _drawn(self) -> Call:
        number = self._draws.randrange(len(self._keys.groups))
        group = self._keys.groups[number]
        key = self._draws.choice(group)
        draw = self._draws.random()
        if draw < 0.04:
            return "contains", (key,)
        if draw < 0.4:
            return "get", (key,)
        if draw < 0.45 and self._keys.together(number):
            return "scan", (group[0][:-1], None, GROUP)
        if draw < 0.7 and self._keys.together(number):
            return "get_many", (group,)
        if draw < 0.9 and self._keys.together(number):
            some = self._draws.sample(group, min(len(group), 2))
            return "put_many", (tuple((each, self._value()) for each in some),)
        if draw < 0.7 and self._keys.swapped(number):
            return "cas", (key, self._seen.get(key), self._value())
        if draw < 0.8 and self._keys.swapped(number):
            return "delete", (key,)
        return "put", (key, self._value())

    def _count(self, key: str) -> None:
        """Add one to a counter, if nobody else does first."""
        read = self.ask("get", (key,))
        if read.outcome == OK:
            self.ask("cas", (key, read.value, str(int(read.value or 0) + 1)))

    def _look(self) -> None:
        """Read a replica's own state: it may be out of date, so it is no part of the history."""
        key = self._draws.choice(self._draws.choice(self._keys.groups))
        try:
            self._store.call("get", key, LOCAL)
        except KVError:
            pass  # as good as any answer
        except Exception as error:
            self._recorder.surprise(f"a local read raised {type(error).__name__}: {error}"[:300])

    def _value(self) -> str:
        self._written += 1
        return f"{self._base}-{self._written}"


def _sent(op: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give the arguments as the remote object takes them: lists, and how to read."""
    if op == "get":
        return (*args, LINEARIZABLE)
    if op == "get_many":
        return (list(args[0]),)
    if op == "put_many":
        return ([list(pair) for pair in args[0]],)
    return args


class Workload:
    """Some clients at work, each in a thread of its own; every second one sticks to a replica.

    Every third one is impatient.
    """

    def __init__(
        self, open_store: Open, ids: Sequence[int], stream: TextIO, settings: Settings
    ) -> None:
        """Ask nothing yet."""
        self.recorder = Recorder(stream)
        self._settings = settings
        self._keys = Keys(settings.keys, secrets.token_hex(4))
        self._open = open_store
        self._stop = threading.Event()
        self._stores = [
            open_store(
                ids[(number // 2) % len(ids)] if number % 2 else None,
                HASTY if number % 3 == 2 else None,
            )
            for number in range(settings.clients)
        ]
        self._threads = [
            threading.Thread(target=self._client(n, store), name=f"client {n}", daemon=True)
            for n, store in enumerate(self._stores)
        ]

    def start(self) -> None:
        """Let the clients begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each client finish what it does, and end it."""
        self._stop.set()
        for number, thread in enumerate(self._threads):
            thread.join(_JOIN)
            if thread.is_alive():
                self.recorder.surprise(f"client {number} got neither answer nor error")
        for store in self._stores:
            store.close()

    def read_all(self) -> str | None:
        """Read every key once, after the clients have ended; what went wrong, or None."""
        deadline = time.monotonic() + _FINAL
        with self._open(None, None) as store:
            last = Client("last", store, self._keys, self.recorder, "")
            for op, args in self._keys.finals(self.recorder.once):
                while last.ask(op, args).outcome != OK:
                    if time.monotonic() > deadline:
                        return f"{op} of {args} had no answer at the end"
        return None

    def forget(self) -> str | None:
        """Delete all keys that it made, after everything was read; what went wrong, or None."""
        keys = [*self._keys.counters, *self.recorder.once]
        keys += [key for group in self._keys.groups for key in group]
        with self._open(None, None) as store:
            try:
                for key in keys:
                    store.delete(key)
            except KVError as error:
                return f"not all keys of the run could be deleted: {error}"
        return None

    def _client(self, number: int, store: Store) -> Callable[[], None]:
        seed = f"{self._settings.seed} {number}"
        client = Client(f"c{number}", store, self._keys, self.recorder, seed)
        return lambda: client.run(self._stop, self._settings.think)


def main(words: Sequence[str], open_store: Open, *, as_json: bool) -> int:
    """Record a history as the command line says; returns the exit status."""
    options = _parser().parse_args(words)
    printer = Printer(as_json=as_json or options.json)
    settings = Settings(options.clients, options.keys, options.seed, options.think / 1000)
    with open_store(None, None) as store:
        ids = [entry["id"] for entry in store.status()["replicas"]]
    try:
        stream = options.record.open("w", encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"--record {options.record}: {error.strerror}") from error
    try:
        with stream:
            workload = Workload(open_store, ids, stream, settings)
            unread = _run(workload, options.seconds)
    except KeyboardInterrupt as interrupt:
        short = f"{options.record} is cut short: no key was read once more at the end"
        raise KeyboardInterrupt(short) from interrupt
    return _report(printer, options.record, workload.recorder, unread)


def _run(workload: Workload, seconds: float) -> str | None:
    """Let the clients work for so long, then read all; what went wrong, or None."""
    workload.start()
    try:
        time.sleep(seconds)
    finally:
        workload.stop()
    return workload.read_all()


def _report(printer: Printer, path: Path, recorder: Recorder, unread: str | None) -> int:
    wrong = [*recorder.surprises, *([unread] if unread else [])]
    counts = {name: recorder.outcomes[name] for name in (OK, FAIL, UNKNOWN)}
    counted = ", ".join(f"{count} {name}" for name, count in counts.items())
    printer.result([f"{sum(counts.values())} operations in {path}: {counted}"], counts)
    for text in wrong:
        cli.complain(text, "workload")
    return 1 if wrong else 0


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "Put mixed load on a running cluster and record the history, for verify. "
        "The keys it makes stay: all hold a random name of the run.",
        command="workload",
    )
    add = parser.add_argument
    add("--record", type=Path, required=True, metavar="FILE", help="file to write the history to")
    add(
        "--seconds",
        type=cli.above_zero("seconds", 86_400),
        default=10.0,
        metavar="S",
        help="how long to run (10)",
    )
    add(
        "--clients",
        type=cli.whole(1, 10_000),
        default=8,
        metavar="N",
        help="sessions at a time (8)",
    )
    add("--keys", type=cli.whole(1, 10_000), default=100, metavar="K", help="different keys (100)")
    add("--seed", type=int, default=0, metavar="N", help="makes the same requests again (0)")
    think = cli.above_zero("milliseconds", 86_400)
    add(
        "--think",
        type=think,
        default=THINK * 1000,
        metavar="MS",
        help="pause between requests (12)",
    )
    add("--json", action="store_true", help="print one JSON object")
    return parser
