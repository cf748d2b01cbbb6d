"""Bugs to plant: each must be found by the simulator within a thousand seeds.

Rule: a bug is a class of Parts that differs from the production parts in one thing; its docstring
says what is wrong and what comes of it. Its name in the table is its class's in small letters.
"""

from __future__ import annotations

import re
from types import ModuleType

from ..parts import Parts
from . import acceptor, attempts, disk, front, leadership, learner, lease, outcomes, proposer

__all__ = ["BUGS"]


def _name(kind: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind).lower()


def _bugs(*modules: ModuleType) -> dict[str, type[Parts]]:
    """Every public class of these modules, under its name."""
    return {_name(kind): getattr(module, kind) for module in modules for kind in module.__all__}


BUGS = _bugs(acceptor, proposer, leadership, lease, learner, front, outcomes, disk, attempts)
"""Every bug, by its name."""
