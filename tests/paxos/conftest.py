"""The fixture that makes benches, and fails the test over what it left unaccounted for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .bench import Benches


@pytest.fixture
def benches() -> Iterator[Benches]:
    made = Benches()
    yield made
    made.finish()
