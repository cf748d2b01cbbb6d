"""Files that users name: what is no ordinary file is refused and stays what it is."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from kvrmi.whole import opened, replacing


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def write(named: str | Path, data: bytes = b"new", *, private: bool = False) -> None:
    with replacing(named, private=private) as file:
        file.write(data)


@pytest.mark.parametrize("make", [os.mkfifo, _socket])
def test_what_is_no_file_is_refused_and_stays(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("one"))
    Path("link").symlink_to("one")
    before = os.lstat("one")
    for name in ("one", "link"):
        with pytest.raises(OSError, match="no ordinary file"):
            write(name)
        with pytest.raises(OSError, match="no ordinary file"):
            opened(name)
    assert os.lstat("one").st_ino == before.st_ino
    assert sorted(os.listdir()) == ["link", "one"]


@pytest.mark.parametrize("name", [".", "./", "/", "..", "", "~"])
def test_a_folder_is_called_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for act in (write, opened):
        with pytest.raises(OSError, match="it is a folder"):
            act(name)
    assert not os.listdir()


@pytest.mark.parametrize("name", ["-", "/dev/stdout", Path("-")])
def test_a_stream_is_not_replaced(
    name: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match="name a file"):
        write(name)
    assert not os.listdir()


@pytest.mark.parametrize(
    ("name", "why"),
    [("~nobody-of-that-name/f", "home"), ("a\0b", "NUL"), ("\ud800", "surrogates")],
)
def test_names_that_no_file_can_have(
    name: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for act in (write, opened):
        with pytest.raises(OSError, match=why):
            act(name)
    assert not os.listdir()


def test_a_link_is_followed_also_to_what_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    for data in (b"first", b"second"):
        write(tmp_path / "link", data)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "target").read_bytes() == data


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_modes(private: bool, mode: int, tmp_path: Path) -> None:
    (tmp_path / "f").touch(0o644)
    write(tmp_path / "f", private=private)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == mode
