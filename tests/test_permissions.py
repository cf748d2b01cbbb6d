"""Folders that one may not enter: one line that says so, never a traceback, and no other reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import client.bench  # loaded before somebody else is played, who may not read it
import client.nemesis.program
import kvrmi
import nameserver.__main__ as nameserver
from client.__main__ import main as client_main
from kvrmi import cli
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.file import find, load
from kvrmi.errors import InvalidRequest
from kvrmi.paxos.declaration import PAXOS
from server.__main__ import main as server
from server.coordinator import stop
from server.coordinator.folders import Unusable, loss
from server.coordinator.founding import Wish, prepare
from server.folder import recorded

from .strangers import shut_out

assert client.bench


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster's folder, where it is looked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KVRMI_CONFIG", raising=False)
    tmp_path.chmod(0o755)
    prepare(Wish(Path(".kvrmi"), 1, ephemeral=True))
    return Path(".kvrmi")


def line(
    capsys: pytest.CaptureFixture[str], program: Callable[[Sequence[str]], int], *words: str
) -> tuple[int, str]:
    """Run a program; its exit status, and the one line on its standard error."""
    try:
        status = program(words)
    except SystemExit as end:
        status = int(end.code or 0)
    (said,) = capsys.readouterr().err.splitlines()
    return status, said


def test_a_cluster_file_that_cannot_be_seen_is_no_missing_one(data: Path) -> None:
    with shut_out(data):
        file = find()
        assert file == data / "cluster.toml"
        with pytest.raises(ConfigError, match=r"cluster\.toml: cannot be read: Permission denied"):
            load(file)
        with pytest.raises(InvalidRequest, match=r"cluster\.toml: cannot be read: Permission"):
            kvrmi.connect()


@pytest.mark.parametrize(
    "words", [["GET", "a"], ["STATUS"], ["HEALTH"], ["bench"], ["workload", "--record", "h"]]
)
def test_the_client(data: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with shut_out(data):
        status, said = line(capsys, client_main, *words)
    assert status == 2
    assert "cluster.toml: cannot be read: Permission denied" in said


def test_the_name_server(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with shut_out(data), pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        nameserver.options([])


@pytest.mark.parametrize(
    "words", [["inspect", ".kvrmi/replica1"], ["export", ".kvrmi/replica1", "out"]]
)
def test_a_stopped_replica(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with shut_out(data / "replica1"):
        status, said = line(capsys, server, *words)
    assert status != 0
    assert ".kvrmi/replica1 cannot be read: " in said
    assert "Permission denied" in said
    assert "Errno" not in said


def test_whose_a_folder_is_cannot_be_seen(data: Path) -> None:
    with shut_out(data / "replica1"):
        assert recorded(data / "replica1", PAXOS) is None


def test_whether_a_disk_is_lost_cannot_be_seen(data: Path) -> None:
    refused = pytest.raises(Unusable, match=r"^\.kvrmi cannot be read: Permission denied$")
    cluster = load(data / "cluster.toml")
    with shut_out(data), refused:
        loss(cluster, data, 1)


def test_another_error_is_not_taken_for_one_of_the_output(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        (data / "none").read_bytes()

    monkeypatch.setattr("client.__main__._run", fails)
    monkeypatch.setattr(cli, "mute", lambda: None)
    status, said = line(capsys, client_main, "GET", "a")
    assert status == 6
    assert said.endswith(": .kvrmi/none: No such file or directory")


def test_stopping_a_cluster_of_somebody_else(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "coordinator.lock").touch()
    with shut_out(data / "coordinator.lock"):
        status, said = line(capsys, stop.main, "--data", str(data))
    assert status == 1
    assert "coordinator.lock: Permission denied; stop as the user who started it" in said
    with shut_out(data):
        status, said = line(capsys, stop.main, "--data", str(data))
    assert status == 1
    assert "Errno" not in said
    assert "Permission denied" in said


def test_the_nemesis(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nemesis = client_main
    with shut_out(data):
        status, said = line(capsys, nemesis, "nemesis", "--data", str(data / "new"))
    assert status == 2
    assert said.endswith("nothing was started; see --help")
    assert "Errno" not in said


def test_the_nemesis_where_nothing_can_be_written(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read_only = Path("shelf")
    read_only.mkdir()
    read_only.chmod(0o555)
    with shut_out(data / "secret"):  # somebody else, who may look at all but that
        status, said = line(capsys, client_main, "nemesis", "--data", "shelf/new")
    assert status == 2
    assert "shelf/new: Permission denied; nothing was started" in said
