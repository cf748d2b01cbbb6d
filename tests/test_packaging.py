"""What is installed: a wheel from a clean copy, in an environment of its own, used from elsewhere.

The wheel is built by this environment's setuptools and its dependencies are borrowed from here, so
that nothing is fetched; where setuptools is too old for that, pip fetches one.
"""

from __future__ import annotations

import importlib.metadata
import os
import select
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import kvrmi

pytestmark = [pytest.mark.slow, pytest.mark.live]  # all in one part: what is built is built once

ROOT = Path(__file__).parents[1]
PARTS = ("kvrmi", "client", "nameserver", "server")
FILES = ("setup.cfg", "pyproject.toml", "LICENSE", "README.md")
DATA = ("py.typed", "sim/paxos/bugs.json", "sim/twophase/bugs.json")
SCRIPTS = ("kvrmi-client", "kvrmi-cluster", "kvrmi-nameserver", "kvrmi-server")
SETUPTOOLS = (70, 1)
"""The first that makes a wheel without another package."""


def run(*argv: str | Path, cwd: Path | str = "/") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        cwd=cwd,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if "PYTHON" not in key}


def checked(*argv: str | Path, cwd: Path | str = "/") -> str:
    done = run(*argv, cwd=cwd)
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pip(*arguments: str | Path) -> str:
    return checked(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments)


def without_isolation() -> list[str]:
    version = importlib.metadata.version("setuptools").split(".")
    recent = tuple(int(part) for part in version[:2]) >= SETUPTOOLS
    return ["--no-build-isolation", "--no-index"] if recent else []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("copy")
    for part in PARTS:
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy)
    out = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--quiet", "--no-deps", *without_isolation(), "--wheel-dir", out, copy)
    (made,) = out.glob("kvrmi-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that has the wheel, and this one's other packages."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    pip("--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return home / "bin"


def test_only_kvrmi_reaches_site_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
    version = wheel.name.split("-")[1]
    assert top == {"kvrmi", f"kvrmi-{version}.dist-info"}


def test_every_module_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("kvrmi/")}
    expected = {f"kvrmi/{data}" for data in DATA}
    for part, data in (("", "kvrmi/sim/scenarios"), ("kvrmi/", "client/lab/page")):
        expected |= {f"{part}{data}/{path.name}" for path in (ROOT / data).iterdir()}
    for part in PARTS:
        for path in (ROOT / part).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            expected.add(name if part == "kvrmi" else f"kvrmi/{name}")
    assert packed == expected


@pytest.mark.parametrize("script", SCRIPTS)
def test_console_scripts_work_from_anywhere(installed: Path, script: str) -> None:
    assert "usage:" in checked(installed / script, "--help")


@pytest.mark.parametrize("program", ["client", "nameserver", "server"])
def test_programs_are_modules_of_kvrmi_only(installed: Path, program: str) -> None:
    python = installed / "python"
    assert "usage:" in checked(python, "-P", "-m", f"kvrmi.{program}", "--help")
    assert "No module named" in run(python, "-P", "-m", program, "--help").stderr


def test_the_library_is_imported_from_the_wheel(installed: Path) -> None:
    probe = "import kvrmi; print(kvrmi.__version__, kvrmi.connect.__module__, kvrmi.__file__)"
    version, module, file = checked(installed / "python", "-c", probe).split()
    assert version == kvrmi.__version__
    assert module == "kvrmi.access.store"
    assert Path(file).is_relative_to(installed.parent)


@pytest.mark.parametrize("cwd", ["/", ROOT], ids=["elsewhere", "in a checkout"])
def test_an_installed_cluster_runs_its_own_programs(
    installed: Path, tmp_path: Path, cwd: Path | str
) -> None:
    flags = ("--ephemeral", "--replicas", "3", "--data", str(tmp_path))
    cluster = subprocess.Popen(
        [installed / "kvrmi-cluster", *flags],
        cwd=cwd,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert cluster.stdout is not None
        assert select.select([cluster.stdout], [], [], 60)[0], "no ready line in time"
        line = cluster.stdout.readline()
        assert line.startswith("ready replicas=3 "), line + cluster.communicate(timeout=60)[0]
        config = str(tmp_path / "cluster.toml")
        client = installed / "kvrmi-client"
        checked(client, "--config", config, "put", "colour", "green", cwd=cwd)
        assert "green" in checked(client, "--config", config, "get", "colour", cwd=cwd)
        tasks = Path(f"/proc/{cluster.pid}/task").glob("*/children")
        children = [child for task in tasks for child in task.read_text().split()]
        for child in children:
            command = Path(f"/proc/{child}/cmdline").read_text().split("\0")
            assert command[0] == str(installed / "python3") or "python" in command[0]
            assert any(part.startswith("kvrmi.") for part in command), command
    finally:
        cluster.terminate()
        assert cluster.wait(60) == 0
        if cluster.stdout is not None:
            cluster.stdout.close()


def test_dependencies_are_declared(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        text = archive.read(metadata).decode()
    for needed in ("Pyro5", "serpent", "msgpack", "msgspec", "rich"):
        assert f"Requires-Dist: {needed}" in text
    assert "Requires-Python: >=3.11" in text
