"""Every planted bug is found, by a seed that the production parts pass.

Any change to what the simulator draws, or to what roles send, moves the seeds. New ones come from
`python -m kvrmi.sim --bugs --json > kvrmi/sim/paxos/bugs.json`, which fails when one is not found
at all.
"""

from __future__ import annotations

import json

import pytest

from kvrmi.sim.paxos.bugs import BUGS
from kvrmi.sim.paxos.histories import PAXOS
from kvrmi.sim.planted import Found, about, find, known_seeds, report, shows
from kvrmi.sim.run import run

from .honest import honest

SEEDS = known_seeds(PAXOS)
"""For each bug the first seed that shows it."""


def test_every_bug_has_a_seed_and_says_what_is_wrong() -> None:
    assert sorted(SEEDS) == sorted(BUGS)
    assert all(about(PAXOS, bug) for bug in BUGS)


@pytest.mark.parametrize("bug", sorted(SEEDS))
def test_it_is_found(bug: str) -> None:
    seed = SEEDS[bug]
    assert not honest(seed).ended.violation
    assert shows(run(PAXOS, seed, parts=BUGS[bug]())), "find all of them again, as said above"


def test_seeds_are_run_in_order_until_one_shows_it() -> None:
    bug = "adoption-skipped"
    seed = SEEDS[bug]
    found = find(PAXOS, bug, range(seed + 1))
    assert (found.seed, found.seeds) == (seed, seed + 1)
    assert find(PAXOS, bug, range(seed + 3), jobs=2) == found


def test_a_bug_that_is_not_found_fails(capsys: pytest.CaptureFixture[str]) -> None:
    found = find(PAXOS, "adoption-skipped", range(SEEDS["adoption-skipped"]))
    assert found.violation == ""
    assert report(PAXOS, [found], as_json=False) == 1
    assert "NOT FOUND" in capsys.readouterr().out


def test_rows_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = Found("quorum-of-two", 1, 0, "calm", "two values")
    assert report(PAXOS, [found], as_json=True) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["bug"] == "quorum-of-two"
    assert row["violation"] == "two values"
    assert row["about"]
