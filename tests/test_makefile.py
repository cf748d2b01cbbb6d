"""The targets that nothing else runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLEANED = (
    ".venv/bin/x", ".mypy_cache/x", ".pytest_cache/x", ".ruff_cache/x", ".import_linter_cache/x",
    ".hypothesis/x", "build/x", "dist/x", "proof/x", "kvrmi.egg-info/x", "kvrmi/__pycache__/x",
)  # fmt: skip
KEPT = ("kvrmi/x.py", "README.md", ".kvrmi/secret", ".git/x")


@pytest.mark.skipif(shutil.which("make") is None, reason="this system has no make")
def test_clean_removes_what_make_and_tools_made_and_no_data(tmp_path: Path) -> None:
    for name in (*CLEANED, *KEPT):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    shutil.copy(ROOT / "Makefile", tmp_path)
    done = subprocess.run(
        ["make", "clean"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    left = {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()}
    assert left == {*KEPT, "Makefile"}
    assert ".kvrmi are kept" in done.stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="this system has no make")
def test_clean_ends_the_cluster_that_runs_there_first(tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho $@ >> {tmp_path}/ran\n")
    python.chmod(0o755)
    (tmp_path / ".kvrmi").mkdir()
    (tmp_path / ".kvrmi" / "cluster.toml").touch()
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, timeout=60, check=True)
    assert (tmp_path / "ran").read_text().splitlines()[-1] == "run_cluster.py stop"
    assert not python.exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="this system has no make")
def test_make_alone_lists_the_targets_in_eighty_columns() -> None:
    done = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, timeout=60)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("make")]
    assert {line.split()[0] for line in lines} >= {"help", "run", "test", "prove", "clean"}
    assert max(map(len, lines)) <= 80
