"""Every error a user of kvrmi can meet, and its two other forms: a code and a builtin.

Rule: a code says what was done. In all of them but UNKNOWN_OUTCOME nothing was done.
Across the wire an error is one of four builtins whose message begins with the code, because
any Pyro5 client, without kvrmi installed, can raise those.
"""

from __future__ import annotations

__all__ = [
    "Aborted",
    "ConnectionFailed",
    "InvalidRequest",
    "KVError",
    "NoQuorum",
    "UnknownOutcome",
    "Unsupported",
    "from_builtin",
    "from_code",
    "to_builtin",
    "was_late",
    "was_refused",
]


class KVError(Exception):
    """Base of all errors; `code` is what stands on the wire."""

    code = "UNAVAILABLE"


class InvalidRequest(KVError, ValueError):
    """An argument breaks a rule; nothing was done."""

    code = "INVALID"


class NoQuorum(KVError):
    """No majority could be reached in time; nothing was done and nothing will be."""

    code = "NO_QUORUM"


class UnknownOutcome(KVError):
    """The write may have taken effect, may yet take effect, or may never."""

    code = "UNKNOWN_OUTCOME"
    request: tuple[str, int] | None = None
    """The id of the write in doubt, by which OUTCOME finds what became of it; None: not known."""


class Aborted(KVError):
    """A two-phase commit was voted down; nothing was done."""

    code = "ABORTED"


class Unsupported(KVError):
    """Refuse what an engine cannot do; nothing was done."""

    code = "UNSUPPORTED"


class ConnectionFailed(KVError):
    """No server could be reached, or it is not ready; nothing was done."""

    code = "UNAVAILABLE"


_BY_CODE: dict[str, type[KVError]] = {
    kind.code: kind
    for kind in (InvalidRequest, NoQuorum, UnknownOutcome, Aborted, Unsupported, ConnectionFailed)
}


def from_code(code: str, text: str) -> KVError:
    """Make the error a code names; an unknown code becomes UnknownOutcome, the cautious reading."""
    return _BY_CODE.get(code, UnknownOutcome)(text)


def to_builtin(code: str, text: str) -> Exception:
    """Make the builtin exception that carries `code` to any Pyro5 client."""
    message = f"{code}: {text}"
    if code == "INVALID":
        return ValueError(message)
    if code == "UNKNOWN_OUTCOME":
        return TimeoutError(message)
    return RuntimeError(message)


def from_builtin(error: Exception) -> KVError | None:
    """Read the code back from a builtin that a server raised; None if it carries none."""
    code, _, text = str(error).partition(": ")
    return _BY_CODE[code](text) if code in _BY_CODE else None


def was_refused(error: BaseException) -> bool:
    """Whether nothing listens where a call went, so that no process is there to have got it."""
    return _has_cause(error, ConnectionRefusedError)


def was_late(error: BaseException) -> bool:
    """Whether time ran out: somebody may be there who is stopped, hangs or is cut off."""
    return _has_cause(error, TimeoutError)


def _has_cause(error: BaseException, kind: type[BaseException]) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__
    return cause is not None
