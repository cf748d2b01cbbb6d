"""Counting: how many replicas decide, and how many may be missing. Pure arithmetic, nothing else.

Rule: whoever needs one of these numbers asks here, whatever the protocol.
"""

from __future__ import annotations

__all__ = ["copies_needed", "majority", "spare"]


def majority(replicas: int) -> int:
    """Votes that make a quorum: any two quorums share a replica."""
    return replicas // 2 + 1


def spare(replicas: int) -> int:
    """Replicas that may be missing: the rest still is a majority."""
    return replicas - majority(replicas)


def copies_needed(replicas: int) -> int:
    """Peers whose records a lost acceptor must copy: enough to meet every quorum it was part of."""
    return spare(replicas) + 1
