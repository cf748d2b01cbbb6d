"""What all tests share: random tests that fail the same way again, and no leftovers between them.

Rule: nothing here starts a process or opens a port.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# The machine may be busy, so time is no reason to fail; CI draws the same examples every time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(autouse=True)
def _no_cluster_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a cluster of the developer's own out of every test."""
    monkeypatch.delenv("KVRMI_CONFIG", raising=False)
