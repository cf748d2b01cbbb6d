"""One message in, one answer out: which method, whether it may be called, what it answered.

Rules: only exposed methods of registered instances are reached, by a table made at registration, so
that no attribute is looked up for a caller; an error is answered as a builtin and its text, without
a traceback; what is asked in a way that we do not serve is answered with an error that says so. A
oneway call is carried out like any other, in the same thread, and what would have been answered is
logged where it is an error: its client reads nothing. What a method answers later (later.py) is
put into its frame by whichever thread brings it.
It knows no socket, and starts no thread.
"""

from __future__ import annotations

import inspect
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

from Pyro5.core import DAEMON_NAME
from Pyro5.errors import DaemonError, ProtocolError, PyroError, SerializeError

from .frames import (
    BATCH,
    COMPRESSED,
    CORRELATED,
    EXCEPTION,
    INVOKE,
    KEEP_SERIALIZED,
    ONEWAY,
    PING,
    RESULT,
    Frame,
    TooLarge,
    pack,
)
from .later import Later, Once, Reply
from .payload import (
    LARGE,
    SERPENT,
    TAKEN,
    Call,
    PayloadError,
    TooComplex,
    dump,
    load_call,
    load_call_quickly,
)
from .ratelimit import RateLimit

__all__ = ["COMPRESSED_REFUSED", "Calls", "Hangup", "Slow"]

_log = logging.getLogger("kvrmi.remote.calls")

COMPRESSED_REFUSED = (
    "INVALID: compressed messages are not taken, nothing was done; "
    "set COMPRESSION to False in the client's Pyro5.config"
)
_SERIALIZED_REFUSED = "INVALID: blobs that are still serialized are not taken, nothing was done"
_TEXT_MAX = 2000
_KEPT_BYTES = 1 << 12
_AWAIT_SECONDS = 60.0
"""A call of a batch that is answered later than this counts as failed."""
_SHOWN = (
    AttributeError,
    KeyError,
    NotImplementedError,
    OSError,
    PermissionError,
    RuntimeError,
    TimeoutError,
    TypeError,
    ValueError,
)
"""Builtins that any Pyro client can raise from one text."""

Method = Callable[..., object]


class Hangup(Exception):
    """There will be no answer, and the connection ends."""


class Slow(Exception):
    """Reading or calling this may take long; nothing was done."""


class Calls:
    """The instances of one daemon, by name."""

    def __init__(self, limit: int, is_cut: Callable[[], bool]) -> None:
        """Answers have at most `limit` bytes; once `is_cut` no call begins."""
        self._limit = limit
        self._is_cut = is_cut
        # Reading many large messages at once would keep everything else from running.
        self._large = threading.Lock()
        self._refusals = RateLimit(_log, logging.INFO)
        self._unheard = RateLimit(_log, logging.WARNING)
        self._methods: dict[str, dict[str, Method]] = {
            DAEMON_NAME: {"get_metadata": self.metadata, "ping": lambda: None}
        }

    def add(self, name: str, instance: object) -> None:
        """Serve the exposed methods of `instance`; replaces what had that name."""
        self._methods[name] = _exposed(instance)

    def metadata(self, name: object) -> dict[str, object]:
        """Return what a proxy learns of an object: its methods, none of them declared oneway.

        Raises DaemonError.
        """
        methods = self._methods.get(name) if isinstance(name, str) else None
        if methods is None:
            raise DaemonError("unknown object")
        return {"methods": sorted(methods), "oneway": [], "attrs": []}

    def answer(
        self,
        frame: Frame,
        later: Callable[[bytes], None],
        *,
        base64: bool = False,
        quick: bool = False,
    ) -> bytes | None:
        """Carry out what `frame` asks; the frame to send back, empty for a oneway call.

        None: `later` gets that frame once, from any thread, perhaps before this returns.
        `base64` is for clients that asked for bytes in that form. Raises Hangup, and, if it has to
        be `quick`, Slow.
        """
        if frame.kind == PING:
            return pack(PING, frame.serializer, 0, frame.sequence, b"pong", frame.correlation)
        try:
            self._refuse_unserved(frame)
            result = self._carry_out(frame, quick)
        except (Hangup, Slow):
            raise
        except Exception as error:
            return self._packed(frame, error, base64)
        if type(result) is not Later:
            return self._packed(frame, result, base64)
        # What was asked need not be kept meanwhile, if it is large.
        asked = frame if len(frame.payload) <= _KEPT_BYTES else frame._replace(payload=b"")
        reply: Once[object] = Once(lambda value: later(self._packed(asked, value, base64)))
        _begin(result, reply)
        return None

    def too_large(self, error: TooLarge) -> bytes:
        """Make the answer to a frame of which nothing was kept; empty for a oneway call."""
        why = (
            f"INVALID: a message of {error.size} bytes, at most {error.limit} are taken; nothing "
            "was done, and the connection ends"
        )
        return self._packed(error.head, ValueError(why), base64=False)

    def _packed(self, frame: Frame, result: object, base64: bool) -> bytes:
        """Make the answer to `frame` of a value or an error."""
        flags = frame.flags & (BATCH | CORRELATED)
        serializer = frame.serializer
        try:
            if isinstance(result, Exception):
                raise result
            payload = dump(serializer, result, base64=base64)
            if len(payload) > self._limit:
                raise ValueError(f"the answer has more than {self._limit} bytes")
        except Exception as error:
            _log.debug("answered with an error", exc_info=True)
            if frame.flags & ONEWAY:
                self._unheard.say("a oneway call failed: %s", str(error)[:_TEXT_MAX])
            serializer = serializer if serializer in TAKEN else SERPENT
            flags = frame.flags & CORRELATED | EXCEPTION
            payload = dump(serializer, _error_form(error))
        if frame.flags & ONEWAY:
            return b""
        return pack(RESULT, serializer, flags, frame.sequence, payload, frame.correlation)

    def _refuse_unserved(self, frame: Frame) -> None:
        """Raise ProtocolError for what no call of ours looks like."""
        if frame.kind != INVOKE:
            why = f"INVALID: messages of type {frame.kind} are not taken, nothing was done"
        elif frame.flags & COMPRESSED:
            why = COMPRESSED_REFUSED
        elif frame.flags & KEEP_SERIALIZED:
            why = _SERIALIZED_REFUSED
        else:
            return
        self._refusals.say("refused a message: %s", why)
        raise ProtocolError(why)

    def _carry_out(self, frame: Frame, quick: bool) -> object:
        call = _read_quickly(frame) if quick else self._read(frame)
        if frame.flags & BATCH:
            return self._batch(call, frame.serializer)
        return self._method(call)(*call.args, **call.kwargs)

    def _read(self, frame: Frame) -> Call:
        if len(frame.payload) <= LARGE:
            return load_call(frame.serializer, frame.payload)
        with self._large:
            return load_call(frame.serializer, frame.payload)

    def _method(self, call: Call) -> Method:
        methods = self._methods.get(call.target)
        if methods is None:
            raise DaemonError("unknown object")
        method = methods.get(call.method)
        if method is None:
            raise AttributeError(f"no exposed method {call.method[:100]!r}")
        if self._is_cut():
            raise Hangup("cut")
        return method

    def _batch(self, call: Call, serializer: int) -> list[object]:
        """Carry out several calls in order, up to the first that fails.

        None begins once the answers so far are large: a short question may have a long answer, and
        asking it a thousand times must not take memory for all of them.
        """
        results: list[object] = []
        room = self._limit // 2
        for each in call.args:
            name, args, kwargs = each
            if type(name) is not str:
                raise PayloadError("not a batch")
            try:
                if room < 0:
                    raise ValueError("INVALID: not done, the answers before it were too large")
                result = self._method(call._replace(method=name))(*args, **kwargs)
                if type(result) is Later:
                    result = _awaited(result)
            except Hangup:
                raise
            except Exception as error:
                _log.debug("a call of a batch failed", exc_info=True)
                wrapped = {
                    "__class__": "Pyro5.core._ExceptionWrapper",
                    "exception": _error_form(error),
                }
                return [*results, wrapped]
            room -= len(dump(serializer, result))
            results.append(result)
        return results


def _read_quickly(frame: Frame) -> Call:
    if frame.flags & BATCH:
        raise Slow
    try:
        return load_call_quickly(frame.serializer, frame.payload)
    except TooComplex:
        raise Slow from None


def _begin(later: Later, reply: Reply) -> None:
    try:
        later.begin(reply)
    except Exception as error:
        reply(error)


def _awaited(later: Later) -> object:
    """Wait for an answer: the calls of a batch come one after the other. Raises what it says."""
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()
    _begin(later, Once(answers.put))
    try:
        answer = answers.get(timeout=_AWAIT_SECONDS)
    except queue.Empty:
        raise TimeoutError("UNKNOWN_OUTCOME: a call of a batch had no answer in time") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _exposed(instance: object) -> dict[str, Method]:
    methods: dict[str, Method] = {}
    for name, member in inspect.getmembers_static(type(instance)):
        if name.startswith("_"):
            continue
        if getattr(getattr(member, "fget", None), "_pyroExposed", False):
            raise TypeError(f"{name} is an exposed property; only methods are served")
        if inspect.isfunction(member) and getattr(member, "_pyroExposed", False):
            methods[name] = getattr(instance, name)
    if not methods:
        raise TypeError(f"{type(instance).__name__} exposes no method")
    return methods


def _error_form(error: Exception) -> Mapping[str, Any]:
    """Write an error in the form in which every Pyro client can raise it.

    `args` is a tuple, as Pyro itself sends it: Java and .NET clients cast it to an array.
    """
    if isinstance(error, PayloadError):
        error = SerializeError(str(error))
    kind = type(error)
    if kind.__module__ == PyroError.__module__:
        name = f"Pyro5.errors.{kind.__name__}"
    else:
        known = next((base for base in kind.__mro__ if base in _SHOWN), RuntimeError)
        name = f"builtins.{known.__name__}"
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    text = text[:_TEXT_MAX].encode(errors="replace").decode()
    return {"__class__": name, "__exception__": True, "args": (text,), "attributes": {}}
