"""Commands from a pipe or a file: where each ends, and what is said of those that are wrong."""

from __future__ import annotations

import io

import pytest

from client.shell.blocks import MOST
from tests.client.conftest import Run
from tests.client.fake import Cluster

Captured = pytest.CaptureFixture[str]


def _pipe(monkeypatch: pytest.MonkeyPatch, text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


def test_commands_from_a_pipe(run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    _pipe(monkeypatch, "PUT k 'a b'\n\nGET z\nBAD\nPUT \\n\nget k\nEXIT\nPUT never v\n")
    assert run() == 1, "the first failure tells, and later commands still run"
    out, err = capsys.readouterr()
    assert out == "OK revision 1\na b\n"
    assert err.count("\n") == 3


def test_a_mistake_in_a_file_is_named_by_its_line(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pipe(monkeypatch, "# it's seed data\n\nPUT k v\nPUT k\nPUT k half\\\n")
    assert run() == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("INVALID: line 4: value is missing; ")
    assert second.startswith("INVALID: line 5: nothing stands after the last backslash; ")
    assert cluster.contents.rows == {"k": "v"}


def test_a_command_of_a_file_goes_on_in_the_next_line(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pipe(
        monkeypatch,
        "# one \\\nPUT a 'x\n\ny'\nMPUT \\\n b 1 \\\n c 2\nBAD\nGET a\nPUT d \"z\nGET a\n",
    )
    assert run() == 2
    out, err = capsys.readouterr()
    assert out == "OK revision 1\nOK revision 2\nx\n\ny\n"
    first, second = err.splitlines()
    assert first.startswith("INVALID: line 8: unknown command 'BAD'")
    assert second.startswith('INVALID: line 10: no closing "; in: PUT d "z')
    assert cluster.contents.rows == {"a": "x\n\ny", "b": "1", "c": "2"}


def test_lines_that_never_end_are_given_up(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = io.StringIO("PUT a 1\nPUT b 'x\n" + 2 * MOST // 1024 * ("x" * 1023 + "\n"))
    monkeypatch.setattr("sys.stdin", endless)
    assert run() == 2
    out, err = capsys.readouterr()
    assert out == "OK revision 1\n"
    assert err.startswith(
        "INVALID: line 2: the command that begins there does not end within 8 MiB"
    )
    assert err.endswith("; nothing was done from there on\n")
    assert cluster.contents.rows == {"a": "1"}
    assert endless.tell() < MOST + 4096, "and no more is read"


def test_a_pipe_with_bytes_that_are_no_text(
    run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pipe(monkeypatch, b"PUT k \xff\nPUT k ok\n")
    assert run() == 2
    assert capsys.readouterr().out == "OK revision 1\n"
