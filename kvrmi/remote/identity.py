"""Who calls: both sides of a connection prove, for it alone, that they know the cluster's secret.

    caller    announces who it is, with a nonce
    server    answers with a nonce of its own, and its proof over both
    caller    shows its proof over both; only now anything can be called

Rules: the secret itself never leaves the process; each side's nonce is in both proofs, so that
nothing recorded is worth anything on another connection; a caller proves nothing to who has not
proved itself; whatever is wrong with a proof, the refusal reads the same.
It does not know what a caller may do.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "Caller",
    "Challenge",
    "Credentials",
    "Refused",
    "challenge",
    "make_secret",
    "read_secret",
]

_SECRET_BYTES = 32
_ANNOUNCED = {"cluster": str, "replica": int, "role": str, "config": str, "nonce": str}


class Refused(Exception):
    """A proof of identity that does not hold."""


class Caller(NamedTuple):
    """Who connected; `config` is the digest of what a replica was configured with."""

    replica: int
    role: str
    config: str = ""


class Credentials:
    """What a process shows when it connects."""

    def __init__(
        self, cluster: str, replica: int, role: str, secret: bytes, config: str = ""
    ) -> None:
        """`replica` is 0 for a process that is none; `config` is as in Caller."""
        self._cluster = cluster
        self._caller = Caller(replica, role, config)
        self._secret = secret

    def announce(self) -> dict[str, object]:
        """Make what a connection begins with; a new one each time."""
        nonce = secrets.token_hex(16)
        return {"cluster": self._cluster, **self._caller._asdict(), "nonce": nonce}

    def prove(
        self, target: str, announced: Mapping[str, object], answer: object
    ) -> dict[str, object]:
        """Make what the object called `target` is shown next.

        Raises Refused unless whoever answered what was `announced` knows the secret.
        """
        nonce, given = (
            (answer.get("nonce"), answer.get("proof")) if isinstance(answer, Mapping) else ("", "")
        )
        ours = str(announced["nonce"])
        fields = _fields(self._cluster, target, self._caller, ours, str(nonce))
        if not isinstance(nonce, str) or not _same(given, _proof(self._secret, "answer", fields)):
            raise Refused(f"{target} does not know the cluster's secret that this process has")
        return {"proof": _proof(self._secret, "call", fields)}


class Challenge:
    """The server's side, once a caller has announced itself: nothing is known of it yet."""

    def __init__(
        self,
        secret: bytes,
        cluster: str,
        target: str,
        announced: Mapping[str, object],
        allow: Callable[[Caller], None] | None,
    ) -> None:
        """Use `challenge`, which checks what was announced."""
        replica, role, config, theirs = (
            announced[key] for key in ("replica", "role", "config", "nonce")
        )
        nonce = secrets.token_hex(16)
        self._caller = Caller(int(str(replica)), str(role), str(config))
        self._target = target
        self._allow = allow
        fields = _fields(cluster, target, self._caller, str(theirs), nonce)
        self._wanted = _proof(secret, "call", fields)
        self.answer: dict[str, object] = {
            "nonce": nonce,
            "proof": _proof(secret, "answer", fields),
        }

    @property
    def unproved(self) -> str:
        """Who left without a proof, in words: most likely its secret is another."""
        replica, role, _ = self._caller
        who = f"replica {replica}" if replica else f"a {role[:64]!r}"
        return f"who announced itself to {self._target} as {who} has not proved it"

    def check(self, data: object) -> Caller:
        """Return who connected, from what it shows in return. Raises Refused."""
        given = data.get("proof") if isinstance(data, Mapping) else None
        if not _same(given, self._wanted):
            raise _refusal(self._target)
        if self._allow is not None:
            self._allow(self._caller)
        return self._caller


def challenge(
    secret: bytes,
    cluster: str,
    target: str,
    data: object,
    allow: Callable[[Caller], None] | None = None,
) -> Challenge:
    """Make the answer to who announces itself to `target` with `data`. Raises Refused.

    `allow` is asked once the caller has proved who it is, and raises Refused for one that may not
    connect; so a stranger learns nothing from it.
    """
    if not isinstance(data, Mapping) or set(data) != set(_ANNOUNCED):
        raise _refusal(target)
    if any(type(data[key]) is not kind for key, kind in _ANNOUNCED.items()):
        raise _refusal(target)
    if not 0 <= data["replica"] < 1 << 63 or not _same(data["cluster"], cluster):
        raise _refusal(target)
    return Challenge(secret, cluster, target, data, allow)


def make_secret(path: Path) -> bytes:
    """Write a new secret, readable by its owner only. Raises OSError (FileExistsError too).

    It appears whole: replicas that start together in one folder may all want to make it.
    """
    value = secrets.token_hex(_SECRET_BYTES).encode()
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(value + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()
    return value


def read_secret(path: Path) -> bytes:
    """Read a secret. Raises OSError that names the file and says what to do.

    FileNotFoundError if it is missing, PermissionError if others than its owner may read it.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                may = f"may be read by others: chmod 600 {path}"
                raise PermissionError(errno.EACCES, may, str(path))
            value = file.read().strip()
    except FileNotFoundError:
        raise _no_secret(errno.ENOENT, "no such file", path) from None
    except IsADirectoryError:
        raise _no_secret(errno.EISDIR, "it is a folder, not a file", path) from None
    if len(value) < _SECRET_BYTES:
        raise _no_secret(errno.EINVAL, "holds no secret", path)
    return value


def _no_secret(number: int, problem: str, path: Path) -> OSError:
    return OSError(
        number,
        f"{problem}; put back the secret that the whole cluster shares, or, if it is lost, stop "
        f"everything and give all of it a new one: (umask 077; openssl rand -hex 32 > {path})",
        str(path),
    )


def _refusal(target: str) -> Refused:
    return Refused(f"{target} needs proof of the cluster's secret")


def _fields(cluster: str, target: str, caller: Caller, theirs: str, ours: str) -> tuple[str, ...]:
    """List what a proof is over: the caller's nonce comes before the server's."""
    return (cluster, target, str(caller.replica), caller.role, caller.config, theirs, ours)


def _proof(secret: bytes, side: str, fields: tuple[str, ...]) -> str:
    # Lengths are part of it, so that no two lists of fields read the same.
    text = "".join(f"{len(field)}:{field}" for field in (side, *fields))
    return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _same(given: object, wanted: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), wanted.encode("utf-8", "surrogatepass")
    )
