"""`python -m tests.compared FILE`: put what `client compare --json` printed into README's chapter.

Rule: figures are copied as they were measured, with the machine that they were measured on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- measured: compared -->\n", "<!-- end of compared -->\n"


def rows(found: dict[str, Any]) -> Iterator[str]:
    """Make the tables: throughput and cost, then what clients got while servers were dead."""
    engines = found["engines"]
    counts = [one["clients"] for one in engines[0]["rates"] if one["op"] == "put"]
    said = " / ".join(map(str, counts))
    yield f"Measured on {found['about']}:\n"
    yield f"| engine | PUT/s at {said} clients | PUT p50 ms | GET/s | messages and syncs a PUT |"
    yield "| --- | --- | --- | --- | --- |"
    for one in engines:
        put, get = ([rate for rate in one["rates"] if rate["op"] == op] for op in ("put", "get"))
        cells = _each(put, "per_second", 0), _each(put, "p50_ms", 1), _each(get, "per_second", 0)
        yield f"| `{one['engine']}` | {' | '.join(cells)} | {_costs(one['costs'])} |"
    yield "\n| engine | what happened | reads/s | writes/s | refused or not answered/s |"
    yield "| --- | --- | --- | --- | --- |"
    for one in engines:
        for text, stretch in _stretches(one):
            spans = " | ".join(_span([each[name] for each in stretch]) for name in _COUNTED)
            yield f"| `{one['engine']}` | {text} | {spans} |"
    yield "\n" + "; ".join(f"`{one['engine']}`: {one['note']}" for one in engines) + "."


_COUNTED = ("reads", "writes", "errors")


def _each(rates: Sequence[Any], name: str, digits: int) -> str:
    return " / ".join(f"{rate[name]:,.{digits}f}" for rate in rates)


def _costs(costs: Sequence[Any]) -> str:
    return " / ".join(f"{one['messages']:.2f} and {one['syncs']:.2f}" for one in costs) or "unknown"


def _stretches(one: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Cut the seconds at what happened, those in which it did left out."""
    moments = [(-1.0, "all are up"), *((each["at"], each["text"]) for each in one["moments"])]
    ends = [*(at for at, _ in moments[1:]), float(len(one["seconds"]))]
    for (at, text), end in zip(moments, ends, strict=True):
        stretch = one["seconds"][int(at) + 1 : int(end)]
        if stretch:
            yield text, stretch


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def placed(text: str, lines: Iterable[str]) -> str:
    """Replace what stands between the marks. Raises ValueError where they are not there once."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return "".join([before, BEGIN, *(f"{line}\n" for line in lines), END, after])


def main(file: str) -> None:
    """Write README anew, or not at all."""
    found = json.loads(Path(file).read_text(encoding="utf-8"))
    text = placed(README.read_text(encoding="utf-8"), rows(found))
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
