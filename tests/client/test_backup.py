"""EXPORT and IMPORT as commands: files, exit statuses, and what is in the store afterwards."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kvrmi.access.store import Store
from kvrmi.cli import INTERRUPTED
from kvrmi.operations.interface import Value
from tests.client.conftest import Run
from tests.client.fake import Cluster, lose_answer, refuse

Captured = pytest.CaptureFixture[str]

ROWS: dict[str, Value] = {f"k{number:04}": f"v{number}" for number in range(2500)}
ROWS |= {"bytes": b"\0\xff", "large": "x" * (1 << 20)}


@pytest.fixture
def file(cluster: Cluster, run: Run, tmp_path: Path, capsys: Captured) -> Path:
    """Export ROWS, and empty the store."""
    cluster.contents.rows |= ROWS
    cluster.contents.revision = 9
    assert run("EXPORT", str(tmp_path / "f")) == 0
    cluster.contents.rows.clear()
    capsys.readouterr()
    return tmp_path / "f"


def test_what_was_exported_is_imported(
    cluster: Cluster, run: Run, file: Path, capsys: Captured
) -> None:
    assert run("IMPORT", str(file)) == 0
    assert cluster.contents.rows == ROWS
    assert capsys.readouterr().out.startswith(f"OK imported {len(ROWS)} keys, digest ")
    assert cluster.servant(1).calls.count("put_many") == 4  # a large value goes alone


def test_results_as_json(cluster: Cluster, run: Run, tmp_path: Path, capsys: Captured) -> None:
    cluster.contents.rows |= {"k": "v"}
    cluster.contents.revision = 5
    name = str(tmp_path / "f")
    assert run("--json", "EXPORT", name) == 0
    reported = json.loads(capsys.readouterr().out)
    assert (reported["ok"], reported["op"], reported["file"], reported["keys"]) == (
        True,
        "export",
        name,
        1,
    )
    assert (reported["first_revision"], reported["revision"], len(reported["digest"])) == (5, 5, 64)


def test_other_keys_stay_and_importing_twice_changes_nothing(
    cluster: Cluster, run: Run, file: Path
) -> None:
    cluster.contents.rows |= {"other": "stays", "k0001": "older"}
    assert run("IMPORT", str(file)) == run("IMPORT", str(file)) == 0
    assert cluster.contents.rows == ROWS | {"other": "stays"}


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data.replace(b"v7", b"v8")]
)
def test_a_damaged_file_changes_nothing(
    cluster: Cluster, run: Run, file: Path, capsys: Captured, damage: object
) -> None:
    assert callable(damage)
    file.write_bytes(damage(file.read_bytes()))
    assert run("IMPORT", str(file)) == 2
    assert "nothing was done" in capsys.readouterr().err
    assert cluster.contents.rows == {}


def test_an_import_that_fails_on_its_way_says_how_far_it_came(
    cluster: Cluster, run: Run, file: Path, capsys: Captured
) -> None:
    answers = [lambda when: None, refuse("INVALID")]
    for node in cluster.nodes:  # whichever is asked: on a busy machine one may be late
        node.servant.faults = answers
    assert run("IMPORT", str(file)) == 4
    reported = capsys.readouterr().err
    assert f"ended after 1000 of {len(ROWS)} keys, because of INVALID: told to. IMPORT" in reported
    assert "nothing was done" not in reported
    assert len(cluster.contents.rows) == 1000


def test_an_import_that_ctrl_c_ends_says_how_far_it_came(
    run: Run, file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, calls = Store.call, 0

    def call(store: Store, name: str, *arguments: Any) -> Any:
        nonlocal calls
        calls += name == "put_many"
        if calls == 2:
            raise KeyboardInterrupt
        return put(store, name, *arguments)

    monkeypatch.setattr(Store, "call", call)
    assert run("IMPORT", str(file)) == INTERRUPTED
    reported = capsys.readouterr().err
    assert reported.startswith(f"INTERRUPTED: 1000 of {len(ROWS)} keys were put, and perhaps more")


def test_an_import_that_fails_at_once_has_done_nothing(
    cluster: Cluster, run: Run, file: Path, capsys: Captured
) -> None:
    cluster.servant(1).faults += [refuse("INVALID")]
    assert run("IMPORT", str(file)) == 2
    assert "INVALID: told to; nothing was done" in capsys.readouterr().err
    assert cluster.contents.rows == {}


def test_a_lost_answer_is_asked_for_again(cluster: Cluster, run: Run, file: Path) -> None:
    cluster.servant(1).faults += [lambda when: None, lose_answer]
    assert run("IMPORT", str(file)) == 0
    assert cluster.contents.rows == ROWS


def test_an_export_that_fails_leaves_no_file_and_the_former_one(
    cluster: Cluster, run: Run, file: Path
) -> None:
    before = file.read_bytes()
    cluster.contents.rows |= ROWS
    cluster.servant(1).faults += [lambda when: None, refuse("INVALID")]
    assert run("EXPORT", str(file)) == 2
    assert file.read_bytes() == before
    assert [each.name for each in file.parent.iterdir() if "f" in each.name] == ["f"]


@pytest.mark.parametrize(("command", "status"), [("IMPORT", 2), ("EXPORT", 2)])
def test_files_that_cannot_be_had(
    run: Run, tmp_path: Path, capsys: Captured, command: str, status: int
) -> None:
    assert run(command, str(tmp_path / "none" / "f")) == status
    assert "No such file" in capsys.readouterr().err


def test_they_take_one_file(run: Run, capsys: Captured) -> None:
    assert run("EXPORT") == run("IMPORT", "a", "b") == 2
    assert "usage: EXPORT file" in capsys.readouterr().err


def test_what_is_no_ordinary_file_is_refused_and_stays(
    cluster: Cluster, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    for name, why in (("fifo", "no ordinary file"), (".", "it is a folder"), ("-", "name a file")):
        assert run("EXPORT", name) == 2
        assert why in capsys.readouterr().err
    for name in ("fifo", "."):
        assert run("IMPORT", name) == 2
        assert "cannot be read: it is " in capsys.readouterr().err
    assert os.listdir() == ["fifo"]
    assert not Path("fifo").is_file()


def test_a_link_stays_one(cluster: Cluster, run: Run, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    assert run("EXPORT", str(tmp_path / "link")) == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").is_file()
