"""The coordinator: launches a cluster on one machine, watches it, restores what comes back.

`program` finds what a command line asks for, `main` runs a cluster. Start reading there; `control`
holds the orders, `supervisor` one process each.
"""

from .program import main

__all__ = ["main"]
