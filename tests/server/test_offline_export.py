"""`kvrmi-server export`: a stopped folder's contents, the tail included, as a file to import."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kvrmi.dump import Reader, Summary
from kvrmi.operations.interface import Value
from server.__main__ import main

from .folders import CLUSTER, folder, traces


def read(path: Path) -> tuple[dict[str, Value], Summary]:
    with path.open("rb") as file:
        reader = Reader(file)
        rows = dict(reader)
        assert reader.summary is not None
        return rows, reader.summary


@pytest.mark.parametrize("clean", [True, False])
def test_the_tail_is_in_the_file_and_the_folder_is_as_it_was(
    clean: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = folder(tmp_path, 1, learned=1500, accepted=[1501, 1502, 1504], chosen=1501, clean=clean)
    before = traces(home)
    assert main(["export", str(home), str(tmp_path / "f")]) == 0
    assert traces(home) == before
    rows, summary = read(tmp_path / "f")
    assert rows == {f"k{slot}": f"v{slot}" for slot in range(1, 1503)}
    assert summary[:3] == (CLUSTER, 1502, 1502)
    out, err = capsys.readouterr()
    assert out.startswith("OK exported 1502 keys")
    assert "not sure that they were chosen: slot 1502" in err
    assert "not in this folder: slot 1504" in err


def test_a_folder_without_its_acceptor_still_has_the_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = folder(tmp_path, 1, learned=3, accepted=[], chosen=3)
    (home / "acceptor.db").unlink()
    assert main(["export", str(home), str(tmp_path / "f")]) == 0
    assert len(read(tmp_path / "f")[0]) == 3
    assert "damage: acceptor.db is missing" in capsys.readouterr().err


def test_what_cannot_be_exported_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = folder(tmp_path, 1, learned=3, accepted=[4], chosen=3)
    (home / "learner.db").unlink()
    assert main(["export", str(home), str(tmp_path / "f")]) == 1
    assert "no state to read" in capsys.readouterr().err
    assert not (tmp_path / "f").exists()
    home = folder(tmp_path, 2, learned=3, accepted=[], chosen=3)
    assert main(["export", str(home), str(tmp_path / "none" / "f")]) == 1
    assert "cannot be written: No such file" in capsys.readouterr().err


def test_a_folder_and_a_pipe_are_refused_and_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = folder(tmp_path, 1, learned=3, accepted=[], chosen=3)
    os.mkfifo(tmp_path / "fifo")
    for name, why in (("fifo", "it is no ordinary file"), (".", "it is a folder")):
        assert main(["export", str(home), str(tmp_path / name)]) == 1
        assert f"cannot be written: {why}" in capsys.readouterr().err
    assert (tmp_path / "fifo").is_fifo()
