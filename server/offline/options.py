"""Command lines of kvrmi-server's programs for a stopped folder."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

__all__ = ["Parser", "complain"]


class Parser(argparse.ArgumentParser):
    """A parser for `kvrmi-server NAME`."""

    def __init__(self, description: str, *, command: str) -> None:
        """Begin without arguments."""
        super().__init__(prog=f"kvrmi-server {command}", description=description)

    def error(self, message: str) -> NoReturn:
        """Say it in one line; the usage is for --help."""
        self.exit(2, f"{self.prog}: error: {message}; --help tells what there is\n")


def complain(problem: str, command: str) -> None:
    """Print one line on standard error."""
    print(f"kvrmi-server {command}: {problem}", file=sys.stderr)
