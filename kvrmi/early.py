"""Ctrl-C while a program's modules are still being loaded, or while it ends, prints no traceback.

Rule: the programs import it before everything else, the standard library included, so it needs
nothing. Once loaded, a program sees to Ctrl-C itself.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # of typing, which takes longer to load than Ctrl-C may

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["uncaught", "unraisable"]


def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say nothing of a Ctrl-C; the rest as before."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


def unraisable(what: sys.UnraisableHookArgs) -> None:
    """Say nothing of one that comes while Python ends the program, either."""
    if not issubclass(what.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(what)


sys.excepthook = uncaught
sys.unraisablehook = unraisable
