"""The command that copies a comparison's figures into README: each where it belongs."""

from __future__ import annotations

from typing import Any

import pytest

from .compared import BEGIN, END, README, placed, rows


def rate(op: str, clients: int, per_second: float) -> dict[str, Any]:
    return {"op": op, "clients": clients, "per_second": per_second, "p50_ms": 1.26}


def second(reads: int, writes: int, errors: int) -> dict[str, int]:
    return {"reads": reads, "writes": writes, "errors": errors}


FOUND: dict[str, Any] = {
    "about": "a machine",
    "engines": [
        {
            "engine": "paxos",
            "note": "three of five serve",
            "rates": [rate("put", 1, 1234.4), rate("get", 1, 99.5), rate("put", 16, 5000)],
            "costs": [{"messages": 8.0, "syncs": 3.004}],
            "moments": [{"at": 1.4, "text": "one is killed"}, {"at": 3.0, "text": "it is back"}],
            "seconds": [second(5, 4, 0), second(0, 0, 0), second(7, 2, 1), second(9, 2, 1)],
        },
        {
            "engine": "etcd",
            "note": "as etcd says",
            "rates": [rate("put", 1, 10), rate("put", 16, 20), rate("get", 1, 30)],
            "costs": [],
            "moments": [],
            "seconds": [second(1, 2, 3)],
        },
    ],
}


def test_each_figure_is_in_the_row_of_its_engine_and_in_its_column() -> None:
    lines = "\n".join(rows(FOUND)).splitlines()
    assert lines[0] == "Measured on a machine:"
    assert lines[2] == "| engine | PUT/s at 1 / 16 clients | PUT p50 ms | GET/s | " + (
        "messages and syncs a PUT |"
    )
    assert "| `paxos` | 1,234 / 5,000 | 1.3 / 1.3 | 100 | 8.00 and 3.00 |" in lines
    assert "| `etcd` | 10 / 20 | 1.3 / 1.3 | 30 | unknown |" in lines
    assert lines[-1] == "`paxos`: three of five serve; `etcd`: as etcd says."


def test_the_second_in_which_something_happened_is_in_no_stretch() -> None:
    lines = [line for line in rows(FOUND) if line.startswith("| `paxos`")][1:]
    assert lines == [
        "| `paxos` | all are up | 5 | 4 | 0 |",
        "| `paxos` | one is killed | 7 | 2 | 1 |",
    ]
    calm = FOUND["engines"][0] | {"moments": []}
    (line,) = [one for one in rows(FOUND | {"engines": [calm]}) if "all are up" in one]
    assert line == "| `paxos` | all are up | 0 to 9 | 0 to 4 | 0 to 1 |"


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    text = f"before\n{BEGIN}old\n{END}after\n"
    assert placed(text, ["new", "lines"]) == f"before\n{BEGIN}new\nlines\n{END}after\n"
    for wrong in ("no marks\n", BEGIN, END + BEGIN, text + text):
        with pytest.raises(ValueError, match="unpack"):
            placed(wrong, ["new"])


def test_readme_has_the_place_and_the_tables_of_this_command() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(placed(text, [])) < len(text)
    heads = [line for line in rows(FOUND) if line.startswith("\n| engine | what")]
    assert heads[0].strip() in text
