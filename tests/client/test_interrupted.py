"""Ctrl-C in a program of the client: one line, as for its commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvrmi.cli import INTERRUPTED
from tests.client.conftest import Run

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "where", "reported"),
    [
        (("HEALTH", "--wait", "9"), "client.__main__.await_serving", "ended before its work"),
        (("bench",), "client.bench.main", "ended before its work"),
        (("workload", "--record", "f"), "client.workload.Workload.start", "f is cut short: no key"),
    ],
)
def test_programs_report_a_ctrl_c_too(
    words: tuple[str, ...],
    where: str,
    reported: str,
    run: Run,
    capsys: Captured,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(where, interrupt)
    assert run(*words) == INTERRUPTED
    said = capsys.readouterr().err
    assert said.startswith("INTERRUPTED: ")
    assert reported in said
    assert said.count("\n") == 1
