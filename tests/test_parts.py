"""The parts of `python -m tests`: together they are the whole suite, and nothing is run twice."""

from __future__ import annotations

import random
import select
import signal
import subprocess
import sys
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import pytest

from server.ports import VARIABLE, free_block

from .__main__ import RANGES, ROOT, Part, held_ranges, parts

FILES = [path.relative_to(ROOT) for path in sorted(ROOT.glob("tests/**/test_*.py"))]
COMPUTING = [part for part in parts([]) if "not live" in part.arguments]
LIVE = [part for part in parts([]) if "live" in part.arguments]


def runs(part: Part, file: Path) -> bool:
    """As pytest reads its arguments: without a path, all; what is ignored is ignored everywhere."""
    words = part.arguments[2:]
    ignored = [Path(word.partition("=")[2]) for word in words if word.startswith("--ignore=")]
    named = [Path(word) for word in words if not word.startswith("-")] or [Path("tests")]
    under = [any(file.is_relative_to(one) for one in these) for these in (named, ignored)]
    return under == [True, False]


def test_a_file_is_in_one_part_of_each_kind() -> None:
    for file in FILES:
        marked = "pytest.mark.live" in (ROOT / file).read_text("utf-8")
        assert sum(runs(part, file) for part in COMPUTING) == 1, file
        assert sum(runs(part, file) for part in LIVE) in ([1] if marked else [0, 1]), file


def test_what_is_named_is_run_in_one_part_and_options_in_all() -> None:
    assert len(parts(["-x", "tests/test_parts.py::test_it"])) == 1
    assert len(parts(["-x", "-k", "nothing"])) == len(COMPUTING) + len(LIVE) == 4


def test_parts_and_suites_at_once_draw_from_ranges_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = free_block("127.0.0.1", 16 * RANGES, random.Random())
    monkeypatch.setenv(VARIABLE, f"{first}-{first + 16 * RANGES - 1}")
    with ExitStack() as one, ExitStack() as other:
        given = [*islice(held_ranges(one), 4), *islice(held_ranges(other), 4)]
        assert given == [f"{at + 1}-{at + 15}" for at in range(first, first + 16 * RANGES, 16)]
        one.close()
        third = islice(held_ranges(other), 5)
        assert [*third] == [*given[:4], f"{first}-{first + 16 * RANGES - 1}"]


STOPPED = """
import os
import time
import pytest

@pytest.fixture
def cluster():
    yield
    open({ended!r}, "w").close()

def test_it(cluster, capfd):
    assert {VARIABLE!r} in os.environ
    with capfd.disabled():
        print("begun", flush=True)
    while True:
        time.sleep(0.01)
"""


def test_an_interrupted_part_ends_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever ends the whole may be no terminal, whose Ctrl-C would reach all of them."""
    file, ended = tmp_path / "test_stopped.py", tmp_path / "ended"
    file.write_text(STOPPED.format(ended=str(ended), VARIABLE=VARIABLE))
    monkeypatch.delenv(VARIABLE, raising=False)
    command = [sys.executable, "-m", "tests", str(file), "-p", "no:cacheprovider"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as whole:
        try:
            assert whole.stdout is not None
            assert select.select([whole.stdout], [], [], 60)[0], "it has not begun"
            assert any("begun" in line for line in whole.stdout)
            whole.send_signal(signal.SIGTERM)
            assert whole.wait(60) == 2
        finally:
            whole.kill()
    assert ended.exists()
