"""A served object for each test, gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kvrmi.remote.daemon import Daemon

from .rig import Target, serve


@pytest.fixture
def target() -> Iterator[Target]:
    """Nothing that blocks outlives the test."""
    made = Target()
    yield made
    made.leave.set()


@pytest.fixture
def daemon(target: Target) -> Iterator[Daemon]:
    made = serve(target)
    yield made
    made.cut()
