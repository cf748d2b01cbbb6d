"""`python -m client doctor`: looks a cluster over, running or not, and says what to do.

Rules: it changes nothing; every finding is what it is, what it means and what to type; the exit
status is that of the worst. What is wrong with the command line or the cluster file is one line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from kvrmi import cli
from kvrmi.access.admins import Admins
from kvrmi.access.store import connect
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.file import find, load
from kvrmi.columns import wrapped
from kvrmi.errors import InvalidRequest

from ..admin import Admin
from ..admins import admins_of
from ..render import escaped
from ..tables import columns_of
from .computers import COMPUTERS
from .files import FILES
from .finding import Check, Finding, Result, Severity, examine, status_of
from .look import look
from .running import RUNNING
from .seen import Seen

__all__ = ["CHECKS", "lines", "main"]

CHECKS: Sequence[Check] = (*RUNNING, *FILES, *COMPUTERS)
_COLOURS = {
    Severity.NOTE: "cyan",
    Severity.WARNING: "yellow",
    Severity.OUTAGE: "bold red",
    Severity.DANGER: "bold red",
}
_EPILOG = """\
Exit status, by the worst finding: 0 none, or notes only; 1 a warning: it serves, or would, but less
safely or slower than it should; 2 usage, or no cluster file; 3 an outage: the cluster does not
serve, or will soon stop; 4 danger: data are damaged, lost or different, or what keeps them right
does not hold. It takes some seconds, and at most a minute and a half."""


def main(words: Sequence[str], config: str | None, *, as_json: bool) -> int:
    """Look over the cluster of a file; returns the exit status. Raises InvalidRequest."""
    options = _parser().parse_args(words)
    seen = _seen(_path(config), config or "")
    results = examine(CHECKS, seen)
    if as_json or options.json:
        print(json.dumps(_plain(seen, results)))
    else:
        _print(seen, results, checks=options.checks)
    return status_of(results)


def _path(config: str | None) -> Path:
    path = find(config)
    if path is None:
        raise InvalidRequest("there is no cluster file here: name it with --config")
    return path


def _seen(path: Path, config: str) -> Seen:
    try:
        cluster = load(path)
    except ConfigError as error:
        raise InvalidRequest(f"cluster file {error}{_beside(path)}") from error
    with connect(config=path) as store:
        admins: Admins | str
        try:
            admins = admins_of(store, str(path), None)
        except InvalidRequest as error:
            admins = str(error)
        return look(cluster, config, admins, Admin(store, str(path)).status)


def _beside(path: Path) -> str:
    """Say whose folders lie where a cluster file should."""
    try:
        folders = sorted(one.parent.name for one in path.parent.glob("replica*/acceptor.db"))
        if path.exists() or not folders:
            return ""
    except OSError:  # a folder that nobody may enter but its owner
        return ""
    return f"; beside it are {', '.join(folders)}: put the cluster's file back from a copy"


# --- for programs ---------------------------------------------------------------------------------


def _plain(seen: Seen, results: Sequence[Result]) -> dict[str, Any]:
    return {
        "cluster": seen.cluster.name,
        "cluster_id": seen.cluster.id,
        "config": seen.cluster.source,
        "health": seen.status["health"],
        "status": status_of(results),
        "findings": [
            {"check": result.check.name, "severity": _name(result.check), **finding._asdict()}
            for result in results
            for finding in result.findings
        ],
        "checks": [_checked(result) for result in results],
    }


def _checked(result: Result) -> dict[str, object]:
    check = result.check
    about = {"name": check.name, "looks_at": check.looks_at, "severity": _name(check)}
    return {**about, "findings": len(result.findings), "skipped": result.skipped}


def _name(check: Check) -> str:
    return check.severity.name.lower()


# --- for people -----------------------------------------------------------------------------------


def _print(seen: Seen, results: Sequence[Result], *, checks: bool) -> None:
    console = Console(highlight=False)
    for line in lines(seen, results, columns_of(sys.stdout), checks):
        console.print(line, soft_wrap=True)


def lines(seen: Seen, results: Sequence[Result], width: int, checks: bool) -> Iterator[Text]:
    """Write what was found for people, the worst first; `checks`: and every check in a line."""
    answering = f"{len(seen.answering)} of {len(seen.entries)} replicas answer"
    head = f"cluster {seen.cluster.name} ({seen.cluster.source}): {seen.status['health']}"
    yield Text(wrapped(f"{head}, {answering}", width))
    worst_first = sorted(results, key=lambda result: -result.check.severity)
    for result in worst_first:
        for finding in result.findings:
            yield from _paragraph(result.check, finding, width)
    if checks:
        yield Text()
        yield from (_row(result, width) for result in results)
    yield Text()
    yield Text(wrapped(_summary(results), width))


def _paragraph(check: Check, finding: Finding, width: int) -> Iterator[Text]:
    yield Text()
    name = f"{_name(check)}: "
    what, means, advice = map(escaped, finding)  # some of it comes from replicas and strangers
    text = Text(wrapped(what, width, name, "  "))
    text.stylize(_COLOURS[check.severity], 0, len(name) - 1)
    yield text
    yield Text(wrapped(means, width, "  ", "  "))
    yield Text(wrapped(advice, width, "  -> ", "     "))


def _row(result: Result, width: int) -> Text:
    check, found = result.check, len(result.findings)
    what = f"{found} found" if found else result.skipped and f"not looked at: {result.skipped}"
    line = f"{check.name:<16} {_name(check):<8} {check.looks_at}: {what or 'fine'}"
    return Text(wrapped(line, width, "", " " * 26))


def _summary(results: Sequence[Result]) -> str:
    counts = {
        severity: sum(len(one.findings) for one in results if one.check.severity == severity)
        for severity in reversed(Severity)
    }
    found = ", ".join(_counted(count, one.name.lower()) for one, count in counts.items() if count)
    skipped = sum(one.skipped is not None for one in results)
    unmade = f", {skipped} of them could not be made (--checks lists them)" if skipped else ""
    return f"{found or 'nothing found'}; {len(results)} checks{unmade}"


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'s' * (count > 1 and name != 'danger')}"


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "Look over a cluster, running or not: what is wrong, what it means, and what to type.",
        command="doctor",
        epilog=_EPILOG,
    )
    parser.add_argument("--checks", action="store_true", help="list all checks and what they found")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser
