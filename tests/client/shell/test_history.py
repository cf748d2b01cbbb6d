"""The history: what is kept of what was typed, and what is not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.shell.history import FILE, WORD, Remembered, cut, history_file


def entries(file: Path | None) -> list[str]:
    """What another shell would find, the newest first."""
    return list(Remembered(file).load_history_strings())


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = history_file()
    assert file is not None
    return file


def test_a_block_of_lines_is_one_entry(file: Path) -> None:
    Remembered(file).append_string("PUT a 1\nPUT b 2")
    Remembered(file).append_string("GET a")
    assert entries(file) == ["GET a", "PUT a 1\nPUT b 2"]


@given(text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=50))
def test_what_is_kept_comes_back(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("history") / "file"
    Remembered(file).store_string("SIZE")
    Remembered(file).store_string(text)
    assert entries(file) == [text, "SIZE"]


def test_a_line_that_starts_with_a_space_is_not_kept(file: Path) -> None:
    mine = Remembered(file)
    mine.append_string(" PUT secret x")
    assert mine.get_strings() == entries(file) == []


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("PUT k " + "x" * WORD, "PUT k " + "x" * WORD),
        (
            "PUT k " + "x" * 5000 + "\nGET k",
            "PUT k " + "x" * WORD + " ' [3982 more characters were not kept]",
        ),
        (
            'PUT k "' + 'a \\" b' * 900 + '"',
            'PUT k "' + ('a \\" b' * 900)[: WORD - 1] + " [4378 more characters were not kept]",
        ),
    ],
)
def test_a_long_value_is_cut_and_left_open(entry: str, kept: str) -> None:
    assert cut(entry) == kept


def test_only_the_file_is_cut(file: Path) -> None:
    mine = Remembered(file)
    mine.append_string("PUT k " + "x" * 5000)
    assert mine.get_strings() == ["PUT k " + "x" * 5000]
    assert len(entries(file)[0]) < 1200


def test_two_shells_at_once(file: Path) -> None:
    one, other = Remembered(file), Remembered(file)
    for number in range(10):
        one.append_string(f"PUT a {number}\nGET a")
        other.append_string(f"PUT b {number}")
    assert len(entries(file)) == 20


def test_only_its_owner_may_read_it(file: Path) -> None:
    file.chmod(0o644)
    assert history_file() == file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_long_file_loses_its_older_half(file: Path) -> None:
    line = "PUT key " + "v" * 92
    file.write_text("".join(f"\n+{line}{n:06}\n" for n in range(FILE // 100)))
    assert history_file() == file
    kept = entries(file)
    assert kept[0] == f"{line}{FILE // 100 - 1:06}"
    assert all(entry.startswith(line) for entry in kept)
    assert FILE // 2 - 200 < file.stat().st_size <= FILE // 2


@pytest.mark.parametrize("junk", [b"\xff\xfe\x00+\n+++\n\n", b"{}", os.urandom(2000)])
def test_junk_in_the_file_does_no_harm(junk: bytes, file: Path) -> None:
    file.write_bytes(junk)
    Remembered(file).append_string("GET a")
    assert entries(file)[0] == "GET a"


def test_an_unreadable_file_is_done_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "kvrmi" / "history").mkdir(parents=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert history_file() is None
    mine = Remembered(history_file())
    mine.append_string("GET a")
    assert mine.get_strings() == ["GET a"]
    mine = Remembered(tmp_path)  # it became a folder meanwhile
    mine.append_string("GET a")
    assert entries(tmp_path) == []


def test_prompt_toolkits_own_files_are_read(file: Path) -> None:
    file.write_text("\n# 2026-01-01 00:00:00\n+PUT a 1\n\n# 2026-01-01 00:00:01\n+GET a\n")
    assert entries(file) == ["GET a", "PUT a 1"]
