"""What users can call: the operations of the table, `call` for any of them, `status`.

Rules: arguments are checked before anything else; it raises the four builtins and nothing else.
The table says which methods there are; it knows no consensus and no machine.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from kvrmi.errors import InvalidRequest, to_builtin
from kvrmi.operations.arguments import REQUIRED
from kvrmi.operations.interface import Engine, Result, check, check_request
from kvrmi.operations.table import TABLE, Definition

from .objectdaemon import exposed

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("kvrmi.server.store")


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


class KVStore:
    """The remote object that users know; a method for each operation that clients may ask for."""

    def __init__(self, engine: Engine) -> None:
        """Serve what `engine` carries out."""
        self._engine = engine

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]:
            """Find a method of the table."""

    @_remote
    def call(self, op: object, args: object, request: object = None) -> dict[str, object]:
        """Do any operation, and return who answered: value, revision, replica, leader, stale."""
        if type(op) is not str or not isinstance(args, (list, tuple)):
            raise to_builtin("INVALID", "usage: call(op, args, request=None)")
        result = self._result(op, tuple(args), request)
        return {
            "value": result.value,
            "revision": result.revision,
            "replica": result.replica,
            "leader": result.leader or None,
            "stale": result.stale,
        }

    @_remote
    def status(self) -> dict[str, object]:
        """Return this replica's entry of the cluster's status."""
        return self._engine.status()

    def _run(self, name: str, args: tuple[object, ...], request: object) -> object:
        return self._result(name, args, request).value

    def _result(self, name: str, args: tuple[object, ...], request: object) -> Result:
        try:
            operation = check(name, args)
            identity = None if request is None else check_request(request)
        except InvalidRequest as error:
            raise to_builtin("INVALID", str(error)) from None
        try:
            result = self._engine.execute(operation, identity)
        except Exception:
            _log.exception("%s failed", name)
            code = "UNAVAILABLE" if operation.reads else "UNKNOWN_OUTCOME"
            raise to_builtin(
                code, "an internal error of this replica; its replica.log says which"
            ) from None
        if result.code != "OK":
            raise to_builtin(result.code, str(result.value))
        return result


def _method(known: Definition) -> Callable[..., object]:
    """Make the method of an operation; a write takes a request id after its arguments."""
    count, signature = len(known.arguments), _signature(known)
    most = count if known.reads else count + 1

    def method(self: KVStore, /, *args: object, **kwargs: object) -> object:
        if kwargs or not known.required <= len(args) <= most:
            args = _in_order(known, signature, args, kwargs)
        request = args[count] if len(args) > count else None
        return self._run(known.name, args[:count], request)

    method.__name__ = known.name
    method.__qualname__ = f"KVStore.{known.name}"
    method.__doc__ = f"Return {known.help}."
    method.__signature__ = signature  # type: ignore[attr-defined]
    return exposed(method)


def _signature(known: Definition) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    defaults = {one.name: one.default for one in known.arguments}
    if not known.reads:
        defaults["request"] = None
    parameters = [inspect.Parameter("self", kind)]
    for name, default in defaults.items():
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


for _known in TABLE:
    if _known.of_clients:
        setattr(KVStore, _known.name, _method(_known))
