"""`python -m client verify`: the verdict as text, JSON and exit status."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from client.__main__ import main
from kvrmi.checker.history import OK, UNKNOWN, Operation, write_header, write_line

PUT = Operation("ana", "put", ("k", "v"), 0.0, 1.0, OK, None, 1, 2)
GET = Operation("bob", "get", ("k",), 2.0, 3.0, OK, "v", 1, 3)
STALE = GET._replace(value=None)


def recorded(folder: Path, *history: Operation) -> str:
    path = folder / "history.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        write_header(stream)
        for operation in history:
            write_line(stream, operation)
    return str(path)


def test_ok(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unknown = Operation("eve", "put", ("k", "w"), 0.5, math.inf, UNKNOWN)
    assert main(["verify", recorded(tmp_path, PUT, GET, unknown)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("ok: 3 operations (2 ok, 0 fail, 1 unknown) in ")
    assert out[1] == "linearizability: ok; classes of keys: 1 by zones"
    assert out[2:] == ["audits: 0 findings"]


def test_a_violation_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", recorded(tmp_path, PUT, STALE)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("violation: 2 operations")
    assert "get('k') -> None @1" in out
    assert "lost, though acknowledged" in out


def test_a_finding_alone_is_a_violation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = recorded(tmp_path, PUT._replace(revision=5), GET._replace(revision=4))
    assert main(["--json", "verify", history]) == 1
    reported = json.loads(capsys.readouterr().out)
    assert reported["verdict"] == "violation"
    assert reported["linearizable"] == "ok"
    assert len(reported["findings"]) == 1


@pytest.mark.parametrize("words", [["--json", "verify"], ["verify", "--json"]])
def test_json(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, recorded(tmp_path, PUT, GET)]) == 0
    reported = json.loads(capsys.readouterr().out)
    assert reported.pop("seconds") >= 0
    assert reported == {
        "verdict": "ok",
        "linearizable": "ok",
        "findings": [],
        "operations": 2,
        "outcomes": {"ok": 2, "fail": 0, "unknown": 0},
        "classes": {"zones": 1, "witness": 0, "search": 0},
        "explanation": [],
    }


def test_undecided_has_a_status_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swaps = [
        Operation(f"c{n}", "cas", ("k", str(n % 5), str(n // 5)), 1.0, 2.0, OK, True)
        for n in range(25)
    ]
    first = Operation("ana", "put", ("k", "0"), 0.0, 0.5, OK)
    last = Operation("bob", "get", ("k",), 3.0, 4.0, OK, "4")
    history = recorded(tmp_path, first, *swaps, last)
    assert main(["verify", "--limit", "0.01", history]) == 4
    assert capsys.readouterr().out.startswith("undecided: 27 operations")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "line 1: "),
        (b"junk", "line 1: "),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"format": "kvrmi-history", "version": 1}\n{"client": 1}\n', "line 2: "),
    ],
)
def test_what_cannot_be_read_ends_in_one_line(
    content: bytes, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(content)
    assert main(["verify", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert why in err


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.endswith("No such file or directory\n")


@pytest.mark.parametrize("words", [[], ["--limit", "0", "f"], ["--limit", "nan", "f"], ["a", "b"]])
def test_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["verify", *words])
    assert left.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
