"""What doctor says of a wrong secret, of a copy of the files, and of one or several."""

from __future__ import annotations

from typing import Any

import pytest

from client.doctor.finding import Finding, Skipped
from client.doctor.program import CHECKS

from .seeing import IDS, entry, healthy, silent, status
from .test_checks import FILE, FOLDER, both


def test_another_secret_is_said_once() -> None:
    (found,) = findings("secret", doubting=frozenset({1, 3}))
    assert found.what.startswith("replicas 1, 3 have another secret than /data/secret, or another")
    (found,) = findings("secret", doubting=frozenset({2}))
    assert found.what.startswith("replica 2 has another")


def test_a_copy_of_the_files_lacks_no_folders() -> None:
    """Clients have one; a cluster whose folders are gone still has locks and logs."""
    files = {name: healthy().files[name] for name in (".", "secret", "cluster.toml")}
    with pytest.raises(Skipped, match="copy of the cluster's files"):
        findings("missing files", files=files)
    assert len(findings("missing files", files=files | {"replica1.lock": FILE})) == 3
    silent_ones = status(*(silent(one, "down") for one in IDS))
    assert len(findings("missing files", files=files, status=silent_ones)) == 3


def test_what_is_lost_is_counted() -> None:
    downs = status(silent(1, "down"), silent(2, "down"), health="no quorum")
    assert {one.means for one in findings("replicas", status=downs)} == {
        "1 of 3 are up, 1 too few."
    }
    (found, *_) = findings("serving", status=downs, later=downs)
    assert found.what.endswith("2 have to be and to reach each other, and one has to lead")
    needs = {"needs": {"votes": 3, "leader": False}}
    votes = status(silent(1, "down"), entry(2, **needs), entry(3, **needs), health="no quorum")
    (found, *_) = findings("serving", status=votes, later=votes)
    assert found.what.endswith("have to be and to reach each other")


def test_several_are_several() -> None:
    noted = both(entry(1, notes=["n"]), entry(2, notes=["n"]))
    assert findings("notes", **noted)[0].what == "replicas 1, 2 note: n"
    files = {**healthy().files, "replica2.lost1": FOLDER, "replica3.lost1": FOLDER}
    assert findings("left over", files=files)[0].what.startswith(
        "replica2.lost1, replica3.lost1 were kept"
    )


def findings(check: str, **changes: Any) -> list[Finding]:
    (looks,) = [one.look for one in CHECKS if one.name == check]
    return list(looks(healthy(**changes)))
