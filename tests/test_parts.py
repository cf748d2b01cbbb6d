"""The parts of `python -m tests`: together they are the whole suite, and nothing is run twice."""

from __future__ import annotations

from pathlib import Path

from .__main__ import ROOT, Part, parts

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
