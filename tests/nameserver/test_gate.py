"""Who is taken for a member of the cluster, and who for anybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kvrmi.cluster.naming import NAMESERVER
from kvrmi.remote.identity import Credentials, Refused, make_secret
from nameserver.gate import Gate

from .conftest import CLUSTER


@pytest.mark.parametrize("data", ["hello", None, 7, [], {}, {"user": "me"}])
def test_who_shows_nothing_is_anybody(tmp_path: Path, data: object) -> None:
    assert Gate(tmp_path / "no secret", CLUSTER).admit(data) is None


def test_a_member_is_known(tmp_path: Path, credentials: Callable[[int], Credentials]) -> None:
    for gate in (Gate(tmp_path / "secret", CLUSTER), Gate(tmp_path / "secret", None)):
        announced = credentials(3).announce()
        claims = gate.admit(announced)
        assert claims is not None
        shown = credentials(3).prove(NAMESERVER, announced, claims.answer)
        assert claims.check(shown) == (3, "replica", "")


def test_a_wrong_proof_is_refused(
    tmp_path: Path, credentials: Callable[[int], Credentials]
) -> None:
    gate = Gate(tmp_path / "secret", CLUSTER)
    good = credentials(3).announce()
    strangers = Credentials(CLUSTER, 3, "replica", make_secret(tmp_path / "another"))
    for data in (good | {"replica": "4"}, good | {"cluster": ["c1"]}, good | {"proof": ""}):
        for one in (gate, Gate(tmp_path / "secret", None)):
            with pytest.raises(Refused):
                one.admit(data)
    for data in (good, good | {"replica": 4}, strangers.announce()):
        claims = gate.admit(data)
        assert claims is not None
        for shown in ({"proof": ""}, {"proof": claims.answer["proof"]}, good, "hello"):
            with pytest.raises(Refused):
                claims.check(shown)
        with pytest.raises(Refused):
            strangers.prove(NAMESERVER, data, claims.answer)


def test_another_cluster_is_refused(tmp_path: Path, secret: bytes) -> None:
    other = Credentials("c2", 1, "replica", secret).announce()
    with pytest.raises(Refused):
        Gate(tmp_path / "secret", CLUSTER).admit(other)
    assert Gate(tmp_path / "secret", None).admit(other) is not None


def test_the_secret_may_come_later(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "later", CLUSTER)
    stranger = Credentials(CLUSTER, 1, "replica", b"x" * 64).announce()
    with pytest.raises(Refused, match="cannot read"):
        gate.admit(stranger)
    credentials = Credentials(CLUSTER, 1, "replica", make_secret(tmp_path / "later"))
    assert gate.admit(credentials.announce()) is not None
