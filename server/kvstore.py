"""What users can call: the operations of the table, `call` for any of them, `status`.

Rules: it answers with the four builtins and no other error. No method waits: what is not there yet
comes later. The vocabulary says which methods there are; a call is brought into the order of the
intake, and nothing else of it is checked.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from kvrmi.errors import to_builtin
from kvrmi.operations.arguments import REQUIRED
from kvrmi.operations.definition import Definition
from kvrmi.operations.interface import Done, Result
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.remote.later import Later, Reply

from .objectdaemon import exposed

P = ParamSpec("P")
R = TypeVar("R")

Form = Callable[[Result], object]
"""What is sent of an answer."""


def _remote(method: Callable[P, R]) -> Callable[P, R]:
    """Expose a method, and call arguments that do not fit it INVALID like any other mistake."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except TypeError as error:
            trace = error.__traceback__
            if trace is None or trace.tb_next is not None:
                raise  # from inside the method
            text = str(error).partition(".")[2]
            raise TypeError(f"INVALID: {text}") from None

    return exposed(call)


class Taking(Protocol):
    """The intake, or what stands before it."""

    @property
    def vocabulary(self) -> Vocabulary:
        """What can be asked."""

    def submit(self, name: str, args: Sequence[object], request: object, done: Done) -> None:
        """Check a request and begin it."""

    def status(self, done: Callable[[object], None]) -> None:
        """Give `done` this replica's entry of the cluster's status."""


class KVStore:
    """The remote object that users know: `kvstore` makes one, with a method for each operation."""

    def __init__(self, intake: Taking) -> None:
        """Serve what `intake` takes; `kvstore` adds the operations that this can be asked."""
        self._intake = intake

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]:
            """Find a method of the vocabulary."""

    @_remote
    def call(self, op: object, args: object, request: object = None) -> object:
        """Do any operation, and return who answered: value, revision, replica, leader, stale."""
        if type(op) is not str or not isinstance(args, (list, tuple)):
            raise to_builtin("INVALID", "usage: call(op, args, request=None)")
        return self._run(op, tuple(args), request, _described)

    @_remote
    def status(self) -> object:
        """Return this replica's entry of the cluster's status."""
        return Later(self._intake.status)

    def _run(self, name: str, args: tuple[object, ...], request: object, form: Form) -> Later:
        return Later(partial(self._begin, name, args, request, form))

    def _begin(
        self, name: str, args: tuple[object, ...], request: object, form: Form, reply: Reply
    ) -> None:
        def done(result: Result) -> None:
            refused = result.code != "OK"
            reply(to_builtin(result.code, str(result.value)) if refused else form(result))

        self._intake.submit(name, args, request, done)


def kvstore(intake: Taking) -> KVStore:
    """Make the remote object for what `intake` can be asked."""
    return _class_of(intake.vocabulary)(intake)


@functools.cache
def _class_of(vocabulary: Vocabulary) -> type[KVStore]:
    # Which methods of an object can be called from outside is read from its class.
    methods = {name: _method(known) for name, known in vocabulary.clients.items()}
    return type(KVStore.__name__, (KVStore,), methods)


def _value(result: Result) -> object:
    return result.value


def _described(result: Result) -> dict[str, object]:
    return {
        "value": result.value,
        "revision": result.revision,
        "replica": result.replica,
        "leader": result.leader or None,
        "stale": result.stale,
    }


def _method(known: Definition) -> Callable[..., object]:
    """Make the method of an operation; a write takes a request id after those it came with."""
    place, signature = known.first, _signature(known)
    most = len(known.arguments) + (not known.reads)

    def method(self: KVStore, /, *args: object, **kwargs: object) -> object:
        if kwargs or not known.required <= len(args) <= most:
            args = _in_order(known, signature, args, kwargs)
        if known.reads or len(args) <= place:
            return self._run(known.name, args, None, _value)
        return self._run(known.name, (*args[:place], *args[place + 1 :]), args[place], _value)

    method.__name__ = known.name
    method.__qualname__ = f"KVStore.{known.name}"
    method.__doc__ = f"Return {known.help}."
    method.__signature__ = signature  # type: ignore[attr-defined]
    return exposed(method)


def _signature(known: Definition) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    defaults = [(one.name, one.default) for one in known.arguments]
    if not known.reads:
        defaults.insert(known.first, ("request", None))
    parameters = [inspect.Parameter("self", kind)]
    for name, default in defaults:
        given = inspect.Parameter.empty if default is REQUIRED else default
        parameters.append(inspect.Parameter(name, kind, default=given))
    return inspect.Signature(parameters)


def _in_order(
    known: Definition,
    signature: inspect.Signature,
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> tuple[object, ...]:
    """Bring arguments into their order. Raises TypeError."""
    try:
        bound = signature.bind(None, *args, **kwargs)
    except TypeError as error:
        raise TypeError(f"INVALID: {known.name}(): {error}; usage: {known.remote_usage}") from None
    bound.apply_defaults()
    return bound.args[1:]
