"""What a store can be asked, by whom it is answered, and what makes a question invalid.

Rules: nothing reaches an engine unchecked, and a refused request has changed nothing.
The same checks serve the remote object, the gateways and the client.
It knows neither how requests travel nor what carries them out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import call
from typing import NamedTuple, Protocol, TypeAlias, cast

from .arguments import (
    CLIENT_ID_BYTES,
    KEY_BYTES,
    LINEARIZABLE,
    LOCAL,
    MANY_ITEMS,
    PAGE_BYTES,
    SCAN_ITEMS,
    VALUE_BYTES,
    Value,
    quoted,
    refuse,
    size_of,
)
from .definition import Definition
from .table import KEY_VALUE, OPERATIONS, WRITES
from .vocabulary import Vocabulary

__all__ = [
    "CLIENT_ID_BYTES",
    "KEY_BYTES",
    "LINEARIZABLE",
    "LOCAL",
    "MANY_ITEMS",
    "OPERATIONS",
    "PAGE_BYTES",
    "SCAN_ITEMS",
    "VALUE_BYTES",
    "WINDOW",
    "WRITES",
    "Answer",
    "Engine",
    "Operation",
    "Request",
    "Result",
    "Value",
    "check",
    "check_request",
]

WINDOW = 64
"""How many answers a session keeps, hence how many requests it may leave unanswered."""


class Request(NamedTuple):
    """A question or a command as the core carries it; `payload` is the machine's encoding."""

    reads: bool
    payload: bytes


class Answer(NamedTuple):
    """The machine's answer: `code` "OK", or an error code and then `value` is its text."""

    code: str
    value: object
    revision: int


class Operation(NamedTuple):
    """A checked request: all arguments that it needs, of the right types and sizes."""

    known: Definition
    args: tuple[object, ...]
    consistency: str

    @property
    def name(self) -> str:
        """What is asked."""
        return self.known.name

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.known.reads


class Result(NamedTuple):
    """An engine's answer, and who gave it; `leader` 0 when none is known.

    `revision` is None where an engine answers without knowing all that was decided before.
    """

    code: str
    value: object
    revision: int | None
    replica: int
    leader: int
    stale: bool


Done: TypeAlias = Callable[[Result], None]
"""Takes the answer of an operation that was submitted."""


class Engine(Protocol):
    """What stands behind the remote object: paxos, 2pc, single or etcd."""

    @property
    def name(self) -> str:
        """What it is called in a cluster file."""
        ...

    @property
    def capabilities(self) -> frozenset[str]:
        """Names of the operations it can carry out."""
        ...

    def submit(self, operation: Operation, request: tuple[str, int] | None, done: Done) -> None:
        """Carry out a checked operation and call `done` once: now, or later in another thread.

        Waits for no disk and no other replica; never raises for what a client did. `done` must not
        raise, nor wait for anything.
        """
        ...

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        """Submit an operation and wait for the answer; not in the thread that brings answers."""
        ...

    def status(self) -> dict[str, object]:
        """Return this replica's entry of the cluster's status."""
        ...


def check(name: str, args: Sequence[object], of: Vocabulary = KEY_VALUE) -> Operation:
    """Check the operation `name` of a vocabulary and its positional arguments.

    Defaults are filled in; tuples become lists, and serpent's base64 dictionaries bytes.
    Raises InvalidRequest; takes about a microsecond for put and get.
    """
    known = of.clients.get(name) if type(name) is str else None
    if known is None:
        refuse(f"there is no operation {quoted(name)}, only {', '.join(sorted(of.clients))}")
    consistency = LINEARIZABLE
    if len(args) != known.direct:
        args, consistency = _completed(known, args)
    checked = tuple(map(call, known.checks, args))
    if known.later:
        checked = known.needed(checked)
    return Operation(known, checked, consistency)


def _completed(known: Definition, args: Sequence[object]) -> tuple[Sequence[object], str]:
    """Fill in defaults, and take out what says who answers. Raises InvalidRequest."""
    if not known.required <= len(args) <= len(known.arguments):
        refuse(f"usage: {known.usage}; it was called with {len(args)} arguments")
    args = [*args, *(argument.default for argument in known.arguments[len(args) :])]
    if known.routing is None:
        return args, LINEARIZABLE
    routed = args.pop(known.routing)
    return args, cast(str, known.arguments[known.routing].check(routed))


def check_request(request: object) -> tuple[str, int] | None:
    """Check a request id: None, or [client id, sequence from 1]; raises InvalidRequest."""
    if request is None:
        return None
    if not isinstance(request, (list, tuple)) or len(request) != 2:
        refuse("a request id is [client id, sequence] or None")
    client, sequence = request
    if type(client) is not str or not client:
        refuse("the client id in a request id must be a non-empty str")
    if size_of(client, "the client id") > CLIENT_ID_BYTES:
        refuse(f"the client id in a request id is over {CLIENT_ID_BYTES} bytes")
    if type(sequence) is not int or not 1 <= sequence < 1 << 63:
        refuse("the sequence in a request id must be an int from 1")
    return client, sequence
