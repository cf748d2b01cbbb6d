"""Who calls: proof that a process knows the cluster's secret, made for one target and one time.

Rules: the secret itself never leaves the process; both sides prove that they know it; whatever is
wrong with a proof, the refusal reads the same. It does not know what a caller may do.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["Badge", "Caller", "Refused", "make_secret", "read_secret", "verify"]

_SECRET_BYTES = 32


class Refused(Exception):
    """A proof of identity that does not hold."""


class Caller(NamedTuple):
    """Who connected; `proof` is our own, which the handshake's answer carries."""

    replica: int
    role: str
    proof: str = ""


class Badge:
    """What a process shows when it connects."""

    def __init__(self, cluster: str, replica: int, role: str, secret: bytes) -> None:
        """`replica` is 0 for a process that is none."""
        self._cluster = cluster
        self._replica = replica
        self._role = role
        self._secret = secret

    def handshake(self, target: str) -> dict[str, object]:
        """Make the data of one handshake with the object called `target`; a new one each time."""
        nonce = secrets.token_hex(16)
        fields = (self._cluster, str(self._replica), self._role, target, nonce)
        return {
            "cluster": self._cluster,
            "replica": self._replica,
            "role": self._role,
            "nonce": nonce,
            "proof": _proof(self._secret, "call", *fields),
        }

    def check_answer(self, target: str, sent: Mapping[str, object], answer: object) -> None:
        """Raise Refused unless whoever answered `sent` knows the secret too."""
        wanted = _proof(self._secret, "answer", self._cluster, target, str(sent["nonce"]))
        given = answer.get("proof") if isinstance(answer, Mapping) else None
        if not isinstance(given, str) or not _same(given, wanted):
            raise Refused(f"whatever answers as {target} does not know the cluster's secret")


def verify(secret: bytes, cluster: str, target: str, data: object) -> Caller:
    """Check the data of a handshake with `target`. Raises Refused."""
    refused = Refused(f"{target} needs proof of the cluster's secret")
    if not isinstance(data, Mapping) or set(data) != {
        "cluster", "replica", "role", "nonce", "proof",
    }:  # fmt: skip
        raise refused
    replica, role, nonce, given = (data[key] for key in ("replica", "role", "nonce", "proof"))
    if type(replica) is not int or not 0 <= replica < 1 << 63:
        raise refused
    if not isinstance(data["cluster"], str):
        raise refused
    if not isinstance(role, str) or not isinstance(nonce, str) or not isinstance(given, str):
        raise refused
    wanted = _proof(secret, "call", cluster, str(replica), role, target, nonce)
    if not _same(data["cluster"], cluster) or not _same(given, wanted):
        raise refused
    return Caller(replica, role, _proof(secret, "answer", cluster, target, nonce))


def make_secret(path: Path) -> bytes:
    """Write a new secret, readable by its owner only. Raises OSError (FileExistsError too)."""
    value = secrets.token_hex(_SECRET_BYTES).encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(value + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return value


def read_secret(path: Path) -> bytes:
    """Read a secret. Raises OSError; PermissionError if others than its owner may read it."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise PermissionError(f"{path} may be read by others: chmod 600 {path}")
        value = file.read().strip()
    if len(value) < _SECRET_BYTES:
        raise OSError(f"{path} holds no secret")
    return value


def _proof(secret: bytes, *fields: str) -> str:
    # Lengths are part of it, so that no two lists of fields read the same.
    text = "".join(f"{len(field)}:{field}" for field in fields)
    return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(
        one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    )
