"""Mirrors kvrmi/access."""
