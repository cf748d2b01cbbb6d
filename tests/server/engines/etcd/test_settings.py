"""The table [etcd] of a cluster file: read, refused in one line, and made for a new cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.file import dump, load
from server.coordinator.founding import Refused, Wish, prepare
from server.engines.etcd import settings
from server.engines.kinds import kind_for


def test_a_table_is_read() -> None:
    found = settings.parsed({"endpoints": "a, b:1,[::1]:2", "ca": "/ca.pem", "prefix": "p/"})
    assert found.endpoints == (("a", 2379), ("b", 1), ("::1", 2))
    assert (found.protocol, found.prefix, found.peers) == ("https", "p/", ())


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({}, "endpoints missing"),
        ({"endpoints": " , "}, "endpoints missing"),
        ({"endpoints": "a:b"}, "endpoints: an address is host:port"),
        ({"endpoints": "a", "colour": "red"}, "unknown key 'colour'; there are endpoints, "),
    ],
)
def test_what_is_wrong_is_one_line(table: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=f"etcd: {why}"):
        settings.parsed(table)


def test_who_names_no_endpoint_gets_three_members_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/etcd")
    made = settings.founded({}, lambda many: 7000)
    found = settings.parsed(made)
    assert [port for _, port in found.endpoints] == [7000, 7001, 7002]
    assert [port for _, port in found.peers] == [7003, 7004, 7005]
    with pytest.raises(ConfigError, match="needs --etcd-endpoints"):
        settings.founded({}, None)


def test_where_etcd_is_not_installed_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ConfigError, match="apt-get install etcd-server, or name a cluster with"):
        settings.founded({}, lambda many: 7000)


def test_the_cluster_file_keeps_it_and_other_endpoints_are_refused(tmp_path: Path) -> None:
    there = {"endpoints": "10.0.0.1:2379"}
    cluster, _ = prepare(Wish(tmp_path, ephemeral=True, engine="etcd", settings=there))
    assert cluster.settings == there
    assert load(tmp_path / "cluster.toml") == cluster
    assert '[etcd]\nendpoints = "10.0.0.1:2379"' in dump(cluster)
    assert not prepare(Wish(tmp_path, settings=there))[1]
    with pytest.raises(Refused, match=r"has other settings in its table \[etcd\]"):
        prepare(Wish(tmp_path, settings={"endpoints": "10.0.0.2:2379"}))


def test_settings_of_an_engine_that_has_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="--etcd-endpoints is for engine etcd, and this one"):
        prepare(Wish(tmp_path, ephemeral=True, engine="single", settings={"endpoints": "a"}))


def test_only_members_that_were_started_here_are_ended_here(tmp_path: Path) -> None:
    own = {"endpoints": "127.0.0.1:7000", "peers": "127.0.0.1:7003"}
    theirs = {"endpoints": "127.0.0.1:7000"}
    for name, settings_, members in (("a", own, ["etcd1"]), ("b", theirs, [])):
        wish = Wish(tmp_path / name, ephemeral=True, engine="etcd", settings=settings_)
        cluster = prepare(wish)[0]
        assert [one.name for one in kind_for(cluster).programs(cluster)] == members
