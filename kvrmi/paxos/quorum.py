"""Counting: how many replicas make a quorum. Pure arithmetic, nothing else."""

from __future__ import annotations

__all__ = ["copies_needed", "majority"]


def majority(replicas: int) -> int:
    """Votes that make a quorum: any two quorums share a replica."""
    return replicas // 2 + 1


def copies_needed(replicas: int) -> int:
    """Peers whose records a lost acceptor must copy: enough to meet every quorum it was part of."""
    return replicas - majority(replicas) + 1
