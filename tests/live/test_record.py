"""The session at the prompt that the README shows is what a user sees today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.record_shell import form, record, recorded

from .cluster import LiveCluster

pytestmark = pytest.mark.live


def test_the_session_in_the_readme_is_what_a_user_sees(live: LiveCluster, tmp_path: Path) -> None:
    new = record(live.config, live.followers()[0], tmp_path)
    assert form(new) == form(recorded()), "if that is right: python -m tests.record_shell"
