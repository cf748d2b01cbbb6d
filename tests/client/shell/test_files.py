"""Values from files and into files, through the program."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kvrmi.operations.interface import VALUE_BYTES
from tests.client.conftest import Run
from tests.client.fake import Cluster

Captured = pytest.CaptureFixture[str]


def test_a_value_from_a_file(cluster: Cluster, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a b"
    file.write_bytes(b"\0\xff")
    assert run("PUT", "k", f"@{file}") == 0
    assert run(f"PUT q @'{file}'") == 0
    assert run("MPUT", "m", f"@{file}", "n", "@@text") == 0
    assert run("CAS", "k", f"@{file}", "new") == 0
    assert cluster.contents.rows == {"k": "new", "q": b"\0\xff", "m": b"\0\xff", "n": "@text"}


def test_files_that_are_no_values(
    cluster: Cluster, run: Run, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "large").write_bytes(bytes(VALUE_BYTES + 1))
    os.mkfifo(tmp_path / "pipe")
    for name, why in (
        ("none", "none cannot be read: No such file"),
        ("", " cannot be read: it is a folder"),
        ("large", f"larger than a value may be, {VALUE_BYTES} bytes"),
        ("pipe", "pipe cannot be read: it is no ordinary file"),
    ):
        assert run("PUT", "k", f"@{tmp_path / name}") == 2
        error = capsys.readouterr().err
        assert why in error
        assert error.count("\n") == 1
    assert not cluster.contents.applied


@pytest.mark.parametrize("sign", ["> ", ">"])
def test_a_value_into_a_file(
    cluster: Cluster, run: Run, tmp_path: Path, capsys: Captured, sign: str
) -> None:
    cluster.contents.rows |= {"b": b"\0\xff", "t": "é"}
    file = tmp_path / "out"
    assert run(f"GET b {sign}{file}") == 0
    assert capsys.readouterr().out == f"OK 2 bytes written into {file}\n"
    assert file.read_bytes() == b"\0\xff"
    cluster.contents.rows["b"] = b"x"
    assert run(f"GET b {sign}{file}") == 0
    assert capsys.readouterr().out == f"OK 1 byte written into {file}\n"
    file.chmod(0o640)
    assert run(f"GET t {sign}{file}") == 0
    assert file.read_bytes() == "é".encode(), "what was there is replaced, as in a shell"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["out"], "no part is left"


def test_what_is_not_found_writes_no_file(run: Run, tmp_path: Path) -> None:
    assert run("GET", "z", ">", str(tmp_path / "out")) == 1
    assert not os.listdir(tmp_path)


def test_places_that_cannot_be_written(
    cluster: Cluster, run: Run, tmp_path: Path, capsys: Captured
) -> None:
    cluster.contents.rows["k"] = "v"
    for place, why in (
        (str(tmp_path), "it is a folder"),
        (f"{tmp_path}/none/out", "No such file or directory"),
        ("/dev/null", "it is no ordinary file"),
    ):
        assert run("GET", "k", ">", place) == 2
        error = capsys.readouterr().err
        assert f"{place} cannot be written: {why}" in error
        assert error.count("\n") == 1
    assert Path("/dev/null").is_char_device()


def test_a_link_stays_one(cluster: Cluster, run: Run, tmp_path: Path) -> None:
    cluster.contents.rows["k"] = "v"
    (tmp_path / "link").symlink_to("real")
    assert run("GET", "k", ">", str(tmp_path / "link")) == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"v"


def test_raw(cluster: Cluster, run: Run, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    cluster.contents.rows["k"] = b"\0\xff\n"
    assert run("GET", "k", "--raw") == 0
    assert capfdbinary.readouterr().out == b"\0\xff\n"
    assert run("--json", "GET", "k", "--raw") == 2
    assert run("GET", "k", "--raw", ">", "f") == 2
