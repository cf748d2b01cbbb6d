"""Exit statuses, as README has them: one for each code of an error, one for what is not there.

Rule: all programs of the client end with these, whoever runs the command.
"""

from __future__ import annotations

__all__ = ["EXIT_STATUS", "NOT_FOUND"]

NOT_FOUND = 1
"""A key that is not there, or not as expected."""
EXIT_STATUS = {
    "INVALID": 2,
    "NO_QUORUM": 3,
    "UNKNOWN_OUTCOME": 4,
    "ABORTED": 5,
    "UNSUPPORTED": 5,
    "UNAVAILABLE": 6,
}
"""Of errors, by their code."""
