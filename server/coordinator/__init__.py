"""The coordinator: launches a cluster on one machine, watches it, restores what comes back.

`main` runs it. Start reading there; `control` holds the orders, `keeper` one process each.
"""

from .main import main

__all__ = ["main"]
