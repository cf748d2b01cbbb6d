"""The checker's command line: checks whether one atomic store could have given a recorded history.

Rules: one line on stderr and status 2 where the history cannot be read; the other statuses are the
verdict, and out of time is not ok. It needs no running store.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from kvrmi import cli
from kvrmi.checker.audits import audit
from kvrmi.checker.check import Verdict, check
from kvrmi.checker.history import BadHistory, Operation, read

from .exits import EXIT_STATUS

__all__ = ["Judgement", "judge", "load", "main"]

VIOLATION, USAGE = 1, 2
_STATUS = {"ok": 0, "violation": VIOLATION, "undecided": EXIT_STATUS["UNKNOWN_OUTCOME"]}


@dataclasses.dataclass(frozen=True)
class Judgement:
    """All that is known of a history: the checker's verdict, and what the audits found."""

    linearizability: Verdict
    findings: list[str]

    @property
    def verdict(self) -> str:
        """`ok`, `violation` or `undecided`; a finding is a violation, too."""
        if not self.findings and not self.linearizability.operations:
            return "undecided"  # a history of nothing proves nothing
        return "violation" if self.findings else self.linearizability.verdict

    @property
    def status(self) -> int:
        """The exit status that stands for it."""
        return _STATUS[self.verdict]

    def plain(self) -> dict[str, Any]:
        """Give it as a JSON object."""
        result = self.linearizability._asdict()
        return {
            "verdict": self.verdict,
            "linearizable": result.pop("verdict"),
            "findings": self.findings,
            **result,
        }

    def lines(self) -> list[str]:
        """Return it as lines for people."""
        checked = self.linearizability
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in checked.outcomes.items())
        paths = ", ".join(f"{count} by {path}" for path, count in checked.classes.items() if count)
        return [
            f"{self.verdict}: {checked.operations} operations ({outcomes}) "
            f"in {checked.seconds:.1f} s",
            f"linearizability: {checked.verdict}; classes of keys: {paths or 'none'}",
            *(f"  {line}" for line in checked.explanation),
            f"audits: {len(self.findings)} findings",
            *(f"  {line}" for line in self.findings),
        ]


def judge(history: Sequence[Operation], limit_seconds: float) -> Judgement:
    """Check and audit a history; only the check heeds the limit."""
    return Judgement(check(history, limit_seconds), audit(history))


def load(path: str) -> list[Operation]:
    """Read a recorded history; raises BadHistory or OSError."""
    with open(path, encoding="utf-8") as stream:
        try:
            return list(read(stream))
        except UnicodeDecodeError as error:
            raise BadHistory(f"not UTF-8: {error.reason}") from None


def main(words: Sequence[str], *, as_json: bool) -> int:
    """Judge the history that the command line names; returns the exit status."""
    options = _parser().parse_args(words)
    try:
        history = load(options.file)
    except (OSError, BadHistory) as error:
        why = error.strerror if isinstance(error, OSError) else error
        cli.complain(f"{options.file}: {why}", "verify")
        return USAGE
    judgement = judge(history, options.limit)
    if as_json or options.json:
        print(json.dumps(judgement.plain()))
    else:
        print("\n".join(judgement.lines()))
    return judgement.status


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "Judge a history recorded as JSON lines (workload --record makes one).",
        command="verify",
        epilog="Exit status: 0 ok, 1 violation, 2 usage or unreadable, 4 undecided.",
    )
    parser.add_argument("file", metavar="FILE", help="the history, as JSON lines")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    limit = cli.above_zero("seconds", 86_400)
    parser.add_argument(
        "--limit", metavar="S", type=limit, default=60.0, help="seconds to search (60)"
    )
    return parser
