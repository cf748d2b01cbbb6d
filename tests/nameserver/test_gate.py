"""Who is taken for a member of the cluster, and who for anybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kvrmi.naming import NAMESERVER
from kvrmi.remote.identity import Badge, Refused, make_secret
from nameserver.gate import Gate

from .conftest import CLUSTER


@pytest.mark.parametrize("data", ["hello", None, 7, [], {}, {"user": "me"}])
def test_who_shows_nothing_is_anybody(tmp_path: Path, data: object) -> None:
    assert Gate(tmp_path / "no secret", CLUSTER).admit(data) is None


def test_a_member_is_known(tmp_path: Path, badge: Callable[[int], Badge]) -> None:
    for gate in (Gate(tmp_path / "secret", CLUSTER), Gate(tmp_path / "secret", None)):
        known = gate.admit(badge(3).handshake(NAMESERVER))
        assert known is not None
        assert (known.replica, known.role) == (3, "replica")


def test_a_wrong_proof_is_refused(tmp_path: Path, badge: Callable[[int], Badge]) -> None:
    gate = Gate(tmp_path / "secret", CLUSTER)
    good = badge(3).handshake(NAMESERVER)
    strangers = make_secret(tmp_path / "another")
    for data in (
        good | {"replica": 4},
        good | {"proof": 7},
        good | {"cluster": ["c1"]},
        {"proof": good["proof"]},
        badge(3).handshake("another object"),
        Badge(CLUSTER, 3, "replica", strangers).handshake(NAMESERVER),
        Badge("c2", 3, "replica", strangers).handshake(NAMESERVER),
    ):
        with pytest.raises(Refused):
            gate.admit(data)
        with pytest.raises(Refused):
            Gate(tmp_path / "secret", None).admit(data)


def test_another_cluster_is_refused(tmp_path: Path, secret: bytes) -> None:
    other = Badge("c2", 1, "replica", secret).handshake(NAMESERVER)
    with pytest.raises(Refused):
        Gate(tmp_path / "secret", CLUSTER).admit(other)
    assert Gate(tmp_path / "secret", None).admit(other) is not None


def test_the_secret_may_come_later(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "later", CLUSTER)
    stranger = Badge(CLUSTER, 1, "replica", b"x" * 64).handshake(NAMESERVER)
    with pytest.raises(Refused, match="cannot read"):
        gate.admit(stranger)
    badge = Badge(CLUSTER, 1, "replica", make_secret(tmp_path / "later"))
    assert gate.admit(badge.handshake(NAMESERVER)) is not None
