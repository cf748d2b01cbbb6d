"""What the program of a replica refuses before it runs one, in this process."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvrmi.paxos.declaration import PAXOS
from server.__main__ import main
from server.folder import format_folder

ALONE = ("1", "--address", "127.0.0.1:26650", "--data")


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--config F --data x", "--data: with --address only, in place of a cluster file"),
        ("--config F --engine paxos --peers h:1", "--peers, --engine: with --address only"),
        ("--data x", "--data: with --address only"),
        ("--config F --address h:1", "--config or --address, not both"),
        ("--address=", "it is empty"),
    ],
)
def test_options_that_contradict_each_other_are_a_wrong_command_line(
    line: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["1", *line.split()])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_busy_port_is_found_before_the_folder_is_formatted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        alone = ("1", "--address", f"127.0.0.1:{port}", "--data", str(tmp_path))
        assert main([*alone, "--format"]) == 1
    said = capsys.readouterr().err
    assert f"port {port} on 127.0.0.1: Address already in use; nothing was formatted" in said
    assert not (tmp_path / "replica1").exists()


def test_other_peers_than_the_folder_was_formatted_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    format_folder(tmp_path / "replica1", PAXOS, "another", 1, recovering=False)
    assert main([*ALONE, str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "belongs to replica 1 of cluster another, not to replica 1 of cluster " in said
    assert "give the --address and --peers that it was formatted with, in the same order" in said
    assert "cluster file" not in said


def test_the_folder_of_a_cluster_file_is_started_with_that_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    format_folder(tmp_path / "replica1", PAXOS, "another", 1, recovering=False)
    (tmp_path / "cluster.toml").touch()
    assert main([*ALONE, str(tmp_path)]) == 1
    assert f"start it with --config {tmp_path}/cluster.toml in" in capsys.readouterr().err
