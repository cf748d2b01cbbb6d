"""Scenarios on real processes: two of them on the shared cluster; `make prove` plays them all."""

from __future__ import annotations

import pytest

from client.lab.scenarios.play import live as played
from client.lab.scenarios.shipped import named
from client.nemesis.subject import Subject

from .cluster import LiveCluster

pytestmark = pytest.mark.live


@pytest.mark.parametrize("name", ["minority_cut_off", "two_acceptors_fail"])
def test_a_scenario_goes_as_expected_on_processes(name: str, live: LiveCluster) -> None:
    subject = Subject(live.data)
    subject.attach()
    lines: list[str] = []
    assert not played(named(name), subject, lines.append), "\n".join(lines)
    assert live.is_healthy(), "all that was done is undone"
