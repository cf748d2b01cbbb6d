"""Mirrors kvrmi/state."""
