"""Replicas' folders: a lost disk, and what is none; real file systems where they can be mounted."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvrmi.cluster.config import Cluster
from server.coordinator import folders
from server.coordinator.folders import Unusable, loss, put_aside, renew
from server.coordinator.founding import Wish, prepare


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def cluster(data: Path) -> Cluster:
    return prepare(Wish(data, 3, ephemeral=True))[0]


@pytest.fixture
def mounted(data: Path, cluster: Cluster) -> Iterator[Path]:
    """Replica 2's folder on a file system of its own."""
    folder, kept = data / "replica2", data / "kept"
    folder.rename(kept)
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=False).returncode:
        pytest.skip("mounting a file system takes root and the capability to mount")
    try:
        for file in kept.iterdir():
            shutil.copy(file, folder)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False, stderr=subprocess.DEVNULL)


def test_a_disk_that_is_there(data: Path, cluster: Cluster) -> None:
    assert loss(cluster, data, 2) is None


def test_a_missing_folder_is_a_lost_disk(data: Path, cluster: Cluster) -> None:
    shutil.rmtree(data / "replica2")
    assert loss(cluster, data, 2) == f"{data}/replica2 is missing"
    assert renew(cluster, data, 2) is None
    assert loss(cluster, data, 2) is None


def test_the_rest_of_a_lost_disk_is_put_aside(data: Path, cluster: Cluster) -> None:
    (data / "replica2.lost1").mkdir()
    (data / "replica2" / "acceptor.db").unlink()
    (data / "replica2" / "learner.db").write_text("left")
    assert loss(cluster, data, 2) == f"{data}/replica2/acceptor.db is missing"
    assert renew(cluster, data, 2) == data / "replica2.lost2"
    assert (data / "replica2.lost2" / "learner.db").read_text() == "left"
    assert loss(cluster, data, 2) is None


def test_an_empty_folder_may_be_a_bare_mount_point(data: Path, cluster: Cluster) -> None:
    shutil.rmtree(data / "replica2")
    (data / "replica2").mkdir()
    with pytest.raises(Unusable, match=r"is empty: mount .* or, .* remove the empty folder"):
        loss(cluster, data, 2)
    (data / "replica2").rmdir()
    assert loss(cluster, data, 2) == f"{data}/replica2 is missing", "as the message says"


def test_a_link_that_leads_nowhere(data: Path, cluster: Cluster, tmp_path: Path) -> None:
    (data / "replica2").rename(tmp_path / "disk2")
    (data / "replica2").symlink_to(tmp_path / "disk2")
    assert loss(cluster, data, 2) is None
    (tmp_path / "disk2").rename(tmp_path / "gone")
    with pytest.raises(Unusable, match="disk2, which is not there"):
        loss(cluster, data, 2)


def test_behind_a_link_the_new_folder_is_where_the_old_one_was(
    data: Path, cluster: Cluster, tmp_path: Path
) -> None:
    (data / "replica2").rename(tmp_path / "disk2")
    (data / "replica2").symlink_to(tmp_path / "disk2")
    (tmp_path / "disk2" / "acceptor.db").unlink()
    (tmp_path / "disk2" / "learner.db").touch()
    assert renew(cluster, data, 2) == tmp_path / "disk2.lost1"
    assert (data / "replica2").is_symlink()
    assert loss(cluster, data, 2) is None


def test_a_data_folder_without_its_file_system_loses_no_disk(data: Path, cluster: Cluster) -> None:
    data.rename(data.with_name("elsewhere"))
    data.mkdir()
    with pytest.raises(Unusable, match=r"does not hold cluster\.toml any more"):
        loss(cluster, data, 2)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE, errno.ENOTDIR])
def test_an_error_of_the_file_system_is_no_lost_disk(
    data: Path, cluster: Cluster, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: object) -> list[str]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "listdir", fail)
    with pytest.raises(Unusable, match=f"cannot be read: {os.strerror(number)}"):
        loss(cluster, data, 2)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO])
def test_what_cannot_be_renamed_stays(
    data: Path, cluster: Cluster, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(Unusable, match=f"cannot be renamed: {os.strerror(number)}"):
        renew(cluster, data, 2)
    assert loss(cluster, data, 2) is None


def test_a_mount_point_cannot_be_put_aside(data: Path, cluster: Cluster, mounted: Path) -> None:
    assert loss(cluster, data, 2) is None
    with pytest.raises(Unusable, match=r"is a mount point .* move what is in the folder elsewhere"):
        put_aside(mounted)
    for file in mounted.iterdir():
        file.unlink()
    assert loss(cluster, data, 2) == f"the file system at {mounted} is empty"
    assert renew(cluster, data, 2) is None
    assert loss(cluster, data, 2) is None


def test_an_unmounted_disk_is_not_lost(data: Path, cluster: Cluster, mounted: Path) -> None:
    subprocess.run(["umount", mounted], check=True)
    with pytest.raises(Unusable, match="mount the file system that belongs there"):
        loss(cluster, data, 2)
    assert folders.of(data, 2).exists()
    assert not list(mounted.iterdir())


def test_a_read_only_file_system(data: Path, cluster: Cluster, mounted: Path) -> None:
    (mounted / "acceptor.db").unlink()
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    with pytest.raises(Unusable):
        renew(cluster, data, 2)
    assert not (mounted / "acceptor.db").exists()
