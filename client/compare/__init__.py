"""Engines beside one another: the same work, the same failures, on a cluster of each."""
