"""Gateways of a cluster: founded with it, added to one that is down, a port for each replica."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from kvrmi.cluster.gateways import NO_GATEWAYS, Gateways
from server import ports
from server.coordinator.addresses import addresses_for, addresses_of
from server.coordinator.founding import Refused, Wish, free_beside, prepare, unchanged
from server.coordinator.main import _others
from server.coordinator.options import parse
from server.ports import free_block, is_free

HOST = "127.0.0.1"


def wish(data: Path, **more: Any) -> Wish:
    return Wish(data, 3, ephemeral=True)._replace(**more)


def free(kind: int, apart: Collection[int] = ()) -> int:
    return free_block(HOST, 3, random.Random(), kind, apart)


def test_what_is_drawn_for_one_cluster_never_meets(monkeypatch: pytest.MonkeyPatch) -> None:
    """From so few ports two draws meet every fourth time, if one does not look at the other."""
    monkeypatch.setattr(ports, "HIGHEST", ports.LOWEST + 300)
    for _ in range(50):
        given = Wish(Path(), ephemeral=True, gateways=True, metrics=free(socket.SOCK_STREAM))
        found = addresses_for(given, 3)
        moved = addresses_for(given._replace(metrics=None), 3, found)
        for each in (found, moved):
            assert len(each.ports) == 5 * 3 + 2 + 3 * 3
        beside = free_beside(moved, 6)
        assert not moved.ports & {*range(beside, beside + 6)}


def test_metrics_have_a_port_for_each_replica_which_stays(tmp_path: Path) -> None:
    port = free(socket.SOCK_STREAM)
    cluster, _ = prepare(wish(tmp_path, metrics=port))
    assert [cluster.metrics_port_of(replica) for replica in (1, 2, 3)] == [port, port + 1, port + 2]
    assert _others(cluster) == f" metrics={HOST}:{port}"
    assert unchanged(Wish(tmp_path), "runs").metrics_port == port
    kept, _ = prepare(Wish(tmp_path))
    assert kept.metrics_port == port
    moved, _ = prepare(Wish(tmp_path, ephemeral=True))
    assert moved.metrics_port not in (0, port)
    with pytest.raises(Refused, match="runs, which --metrics-port would change"):
        unchanged(Wish(tmp_path, metrics=port), "runs")


def test_without_flags_there_are_none(tmp_path: Path) -> None:
    cluster, _ = prepare(wish(tmp_path))
    assert cluster.gateways == NO_GATEWAYS
    assert cluster.metrics_port == 0
    assert _others(cluster) == ""


def test_ports_that_are_given_are_taken(tmp_path: Path) -> None:
    tcp, udp = free(socket.SOCK_STREAM), free(socket.SOCK_DGRAM)
    cluster, _ = prepare(wish(tmp_path, tcp=tcp, udp=udp))
    assert cluster.gateways == (tcp, udp)
    assert _others(cluster) == f" tcp={HOST}:{tcp} udp={HOST}:{udp}"


def test_an_ephemeral_cluster_has_free_ones_each_time(tmp_path: Path) -> None:
    first, _ = prepare(wish(tmp_path, gateways=True))
    assert all(first.gateways)
    assert unchanged(wish(tmp_path, gateways=True), "runs").gateways == first.gateways
    again, _ = prepare(wish(tmp_path))
    assert all(again.gateways), "what a cluster has it keeps, on other free ports"


def test_one_that_is_down_gets_them_and_keeps_them(tmp_path: Path) -> None:
    founded, _ = prepare(wish(tmp_path))
    tcp = free(socket.SOCK_STREAM, apart=addresses_of(founded).ports)
    added, new = prepare(Wish(tmp_path, tcp=tcp))
    assert (added.gateways, new) == (Gateways(tcp), False)
    assert added.members == founded.members
    kept, _ = prepare(Wish(tmp_path))
    assert kept.gateways == Gateways(tcp)


def test_one_that_runs_is_not_changed(tmp_path: Path) -> None:
    prepare(wish(tmp_path))
    with pytest.raises(Refused, match="runs, which --gateways would change"):
        unchanged(Wish(tmp_path, gateways=True), "runs")


@pytest.mark.parametrize(
    ("flag", "kind", "owner"),
    [
        ("tcp", socket.SOCK_STREAM, "TCP gateway"),
        ("udp", socket.SOCK_DGRAM, "UDP gateway"),
        ("metrics", socket.SOCK_STREAM, "metrics"),
    ],
)
def test_a_busy_port_is_named(tmp_path: Path, flag: str, kind: int, owner: str) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        first = free(kind)
        taken.bind((HOST, first + 1))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        named = f"port {first + 1} on {HOST} \\({owner} of replica 2\\) is already in use"
        with pytest.raises(Refused, match=named):
            prepare(wish(tmp_path, **{flag: first}))
        assert not is_free(HOST, first + 1, kind)


def test_the_flags() -> None:
    given = parse(["--gateways", "--tcp-port", "7000", "--log-requests"])
    assert (given.gateways, given.tcp_port, given.udp_port) == (True, 7000, None)
    assert given.log_requests
    assert parse(["--metrics-port", "9301"]).metrics_port == 9301
