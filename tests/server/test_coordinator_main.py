"""What the coordinator refuses, with which status, and what its log says of its end."""

from __future__ import annotations

import importlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvrmi.paxos.declaration import PAXOS
from server.coordinator import main
from server.coordinator.founding import CONFIG, FOUNDING, Wish, prepare
from server.folder import format_folder

PROGRAM = importlib.import_module("server.coordinator.main")


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave signals, serializers and the log of this process as they are."""
    monkeypatch.setattr(PROGRAM.cli, "on_end", lambda act: None)
    monkeypatch.setattr(PROGRAM.guard, "install", lambda: None)
    monkeypatch.setattr(PROGRAM, "_log_to", lambda file: None)
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a cluster of one replica."""
    prepare(Wish(tmp_path / "data", 1, ephemeral=True))
    return tmp_path / "data"


def test_replicas_without_a_cluster_file_stay_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    format_folder(tmp_path / "replica1", PAXOS, "another", 1, recovering=False)
    assert main(["--data", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "holds replica folders but no cluster.toml: put that file back, or" in said
    assert "replicas that were started with --address and --peers have no such file" in said
    assert [file.name for file in tmp_path.iterdir()] == ["replica1"]


def test_a_cluster_that_is_just_being_founded_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / FOUNDING).touch()
    file = tmp_path / CONFIG
    writing = threading.Timer(0.3, file.touch)
    writing.start()
    PROGRAM._await_founding(tmp_path, threading.Event())
    assert file.exists()
    writing.join()


@pytest.mark.parametrize("words", [["--base-port", "65530"], ["--replicas", "9"]])
def test_ports_that_do_not_suffice_are_a_wrong_command_line(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--data", str(tmp_path / "new")]) == 2
    assert "base" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_busy_port_leaves_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        base = busy.getsockname()[1]
        if base > 65_000:
            base -= 2  # the port of replica 3
        words = ["--replicas", "3", "--base-port", str(base), "--data", str(tmp_path / "new")]
        assert main(words) == 1
    assert "is already in use" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_so_are_those_of_a_cluster_that_is_there(data: Path) -> None:
    assert main(["--base-port", "65530", "--data", str(data)]) == 2


def test_a_missing_secret_is_explained_and_ends_it(
    data: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (data / "secret").unlink()
    assert main(["--data", str(data)]) == 1
    why = f"{data}/secret: no such file; put back the secret that the whole cluster shares"
    assert why in capsys.readouterr().err
    assert f"the coordinator stops: {why}" in caplog.text


def test_the_log_says_that_it_stops(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "kvrmi.server.coordinator")
    monkeypatch.setattr(PROGRAM, "_run", lambda *_: 0)
    assert main(["--data", str(data)]) == 0
    assert caplog.messages[-1] == "the coordinator stops, with status 0"


def test_a_folder_that_cannot_be_made_is_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--ephemeral", "--data", "/proc/new"]) == 1
    assert ": /proc/new cannot be made: " in capsys.readouterr().err
