"""Ports of gateways: counted on along the replicas of a host."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.file import dump, load
from kvrmi.cluster.gateways import Gateways
from kvrmi.cluster.members import Member, members

from .test_config import cluster


def on(*hosts: str) -> tuple[Member, ...]:
    ports = {"client": 1, "admin": 2}
    return tuple(Member(i, host, ports) for i, host in enumerate(hosts, start=1))


def test_each_replica_of_a_host_has_the_next_port() -> None:
    known = Gateways(6380, 5555)
    assert [known.of(members(3, "h", None), i) for i in (1, 2, 3)] == [
        (6380, 5555),
        (6381, 5556),
        (6382, 5557),
    ]
    apart = on("a", "b", "a")
    assert [known.of(apart, i).tcp for i in (1, 2, 3)] == [6380, 6380, 6381]
    assert Gateways(0, 5555).of(apart, 3) == (0, 5556)


def test_the_file_has_them(tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    for known in (Gateways(), Gateways(6380), Gateways(6380, 5555)):
        written = dataclasses.replace(cluster(), gateways=known)
        file.write_text(dump(written), encoding="utf-8")
        assert load(file).gateways == known
        assert ("[gateways]" in dump(written)) == any(known)
    for port in (0, 9301):
        written = dataclasses.replace(cluster(), metrics_port=port)
        file.write_text(dump(written), encoding="utf-8")
        assert load(file).metrics_port == port
        assert ("metrics_port" in dump(written)) == bool(port)


def test_ports_that_cannot_be_are_refused() -> None:
    for known in (Gateways(-1), Gateways(udp=65_535)):
        with pytest.raises(ConfigError, match=r"gateways: (tcp|udp) leaves no room"):
            dataclasses.replace(cluster(), gateways=known)
    taken = cluster().members[1].client
    with pytest.raises(ConfigError, match="TCP gateway of replica 1"):
        dataclasses.replace(cluster(), gateways=Gateways(taken))
    with pytest.raises(ConfigError, match="metrics of replica 1"):
        dataclasses.replace(cluster(), metrics_port=taken)
    with pytest.raises(ConfigError, match="metrics_port leaves no room"):
        dataclasses.replace(cluster(), metrics_port=70_000)
