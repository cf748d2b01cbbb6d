"""`python -m client live`: the cluster on a terminal until q; elsewhere one picture, or JSON lines.

Rules: a cluster that is not there, or goes, is waited for and named so; nothing is changed that
keys did not order. Status 0 after q or Ctrl-C; where one picture is printed it is that of HEALTH.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from kvrmi import cli

from ..options import Options
from . import plain
from .watched import Watched

__all__ = ["main"]


def main(words: Sequence[str], options: Options) -> int:
    """Show the cluster that `options` name; returns the exit status."""
    parser = _parser()
    given = parser.parse_args(words)
    as_json = given.json or options.json
    if given.count is not None and not as_json:
        parser.error("--count needs --json")
    with Watched(options) as watched:
        if as_json:
            return plain.json_lines(watched, given.count)
        if not _is_screen():
            return plain.once(watched)
        return _shown(watched, options)


def _shown(watched: Watched, options: Options) -> int:
    from . import interactive  # keys and screen, for terminals only

    left = interactive.run(watched, options)
    if left:
        cli.complain(f"{left} was begun; STATUS shows what became of it", "live")
    return 0


def _is_screen() -> bool:
    """Whether there is a terminal that can be drawn on, and typed at."""
    dumb = os.environ.get("TERM", "").lower() in ("", "dumb", "unknown")
    return sys.stdin.isatty() and sys.stdout.isatty() and not dumb


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "Show the cluster while it runs: replicas, writes a second, what happens; keys fail and "
        "heal (? lists them, q leaves). Where there is no terminal: one picture.",
        command="live",
        epilog="Exit status: 0 after q or Ctrl-C; of one picture 0 serving, 3 no quorum, 6 nobody "
        "answers.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a second")
    parser.add_argument(
        "--count",
        type=cli.whole(1, 1_000_000_000),
        metavar="N",
        help="with --json: end after so many",
    )
    return parser
