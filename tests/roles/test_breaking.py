"""What an error of a role means for its process."""

from __future__ import annotations

import pytest

from kvrmi.roles.breaking import DISK, INVARIANT, ROLE, STORAGE, cause, ends_process, pause
from kvrmi.roles.invariants import DiskLost, InvariantBroken
from kvrmi.storage.interface import Corrupt, StorageFailed


@pytest.mark.parametrize(
    ("error", "why", "ends"),
    [
        (InvariantBroken("two values"), INVARIANT, True),
        (StorageFailed("no space"), STORAGE, True),
        (Corrupt("a checksum"), DISK, False),
        (DiskLost("an old copy"), DISK, False),
        (KeyError("a mistake"), ROLE, False),
    ],
)
def test_cause_and_kind_decide(error: Exception, why: str, ends: bool) -> None:
    assert cause(error) == why
    assert ends_process(error, vital=False) == ends
    assert ends_process(error, vital=True)


def test_pauses_grow_up_to_five_seconds() -> None:
    pauses = [pause(failures) for failures in range(1, 100)]
    assert pauses[:2] == [pytest.approx(0.2), pytest.approx(0.4)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(5.0)
