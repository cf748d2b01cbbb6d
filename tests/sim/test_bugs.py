"""Every planted bug is found, by a seed that the production parts pass.

Any change to what the simulator draws moves the seeds: `python -m kvrmi.sim --bugs --json` gives
new ones, and fails when a bug is no longer found at all.
"""

from __future__ import annotations

import json
from functools import cache

import pytest

from kvrmi.sim.bugs import BUGS
from kvrmi.sim.bugs.table import Found, about, find, report
from kvrmi.sim.run import run

SEEDS: dict[str, int] = {
    "accept-not-repeated": 3,
    "accepts-below-promise": 30,
    "adoption-skipped": 1,
    "announced-too-early": 0,
    "ballot-reused-after-restart": 95,
    "checksum-ignored": 36,
    "chosen-before-quorum-of-disks": 0,
    "chosen-upto-of-older-ballot": 15,
    "fence-missing": 69,
    "follower-read-called-linearizable": 0,
    "forwarded-retry-with-new-id": 2,
    "index-of-old-heartbeat": 15,
    "learner-mixes-ballots": 1,
    "lease-forgotten-on-restart": 5,
    "lease-from-answer-time": 215,
    "lease-of-any-heartbeat": 215,
    "lease-to-outdated": 85,
    "lease-without-margin": 85,
    "lowest-ballot-adopted": 61,
    "naive-amnesia-rule": 6,
    "no-noop-in-gaps": 0,
    "no-quorum-said-of-sent-command": 13,
    "own-proposer-exempt": 25,
    "phase1-not-repeated-after-voter": 18,
    "plain-command-sent-twice": 3,
    "promise-not-saved": 0,
    "promise-page-lost": 1,
    "promises-of-any-ballot": 486,
    "proposing-below-truncation": 73,
    "quorum-of-two": 0,
    "read-before-own-noop": 1,
    "released-ballot-still-used": 10,
    "reply-before-sync": 0,
    "session-retry-executed-twice": 1,
    "sessions-missing-from-snapshot": 0,
    "snapshot-restores-acceptor": 141,
    "truncation-before-durable": 1,
    "voter-before-durable": 8,
    "votes-of-old-epoch-counted": 18,
    "wiped-disk-taken-as-fresh": 6,
}
"""For each bug the first seed that shows it."""


@cache
def honest(seed: int) -> str:
    return run(seed).violation


def test_every_bug_has_a_seed_and_says_what_is_wrong() -> None:
    assert sorted(SEEDS) == sorted(BUGS)
    assert all(about(bug) for bug in BUGS)


@pytest.mark.parametrize("bug", sorted(SEEDS))
def test_it_is_found(bug: str) -> None:
    seed = SEEDS[bug]
    assert not honest(seed)
    assert run(seed, parts=BUGS[bug]()).violation, f"find it again: kvrmi.sim --bugs {bug}"


def test_seeds_are_run_in_order_until_one_shows_it() -> None:
    bug = "adoption-skipped"
    seed = SEEDS[bug]
    found = find(bug, range(seed + 1))
    assert (found.seed, found.seeds) == (seed, seed + 1)
    assert find(bug, range(seed + 3), jobs=2) == found


def test_a_bug_that_is_not_found_fails(capsys: pytest.CaptureFixture[str]) -> None:
    found = find("adoption-skipped", range(SEEDS["adoption-skipped"]))
    assert found.violation == ""
    assert report([found], as_json=False) == 1
    assert "NOT FOUND" in capsys.readouterr().out


def test_rows_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = Found("quorum-of-two", 1, 0, "calm", "two values")
    assert report([found], as_json=True) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["bug"] == "quorum-of-two"
    assert row["violation"] == "two values"
    assert row["about"]
