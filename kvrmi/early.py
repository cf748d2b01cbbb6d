"""Ctrl-C while a program's modules are still being loaded ends it without a traceback.

Rule: the programs import it before everything else, the standard library included, so it needs
nothing. Once loaded, a program sees to Ctrl-C itself.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["uncaught"]


def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say nothing of a Ctrl-C; the rest as before."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = uncaught
