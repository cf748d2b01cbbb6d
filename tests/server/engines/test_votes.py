"""Whose votes count in two-phase commit: what the table [2pc] of a cluster file may say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kvrmi.cluster.checks import ConfigError
from server.alone import cluster_of
from server.engines.kinds import kind_for, kind_of, settings_of
from server.engines.votes import check


def ports(many: int) -> int:
    return 20000


def test_a_new_cluster_says_whose_votes_count() -> None:
    kind = kind_of("2pc")
    assert kind.founded({}, ports) == {"votes": "all"}
    assert kind.founded(settings_of(None, "active"), ports) == {"votes": "active"}


def test_without_a_coordinator_all_votes_count() -> None:
    kind = kind_of("2pc")
    assert kind.founded({}) == {"votes": "all"}
    with pytest.raises(ConfigError, match="votes active needs a coordinator"):
        kind.founded({"votes": "active"})


def test_a_cluster_whose_file_is_wrong_is_refused_before_anything_starts() -> None:
    addresses = [f"127.0.0.1:{port}" for port in (20000, 20010, 20020)]
    made = cluster_of(1, addresses[0], addresses, Path("data"), "2pc")
    kind_for(made)
    wrong = dataclasses.replace(made, settings={"votes": "some"})
    with pytest.raises(ConfigError, match="its command line: 2pc: votes is 'some'"):
        kind_for(wrong)


@pytest.mark.parametrize(
    ("table", "wrong"),
    [({"votes": "some"}, "votes is 'some': use all or active"), ({"vote": "all"}, "key 'vote'")],
)
def test_what_is_wrong_names_the_key(table: dict[str, str], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        check(table)


def test_no_other_engine_has_votes_to_set() -> None:
    for engine in ("paxos", "single"):
        with pytest.raises(
            ConfigError, match=f"^--votes is for engine 2pc, and this one is {engine}"
        ):
            kind_of(engine).founded({"votes": "all"}, ports)


def test_what_a_cluster_needs_in_the_end_goes_by_whose_votes_count() -> None:
    serving = kind_of("2pc").declared.serving
    assert serving.least({"votes": "active"}) == 1
    assert serving.least({"votes": "all"}) is None
    assert serving.least({}) is None
