"""Mirrors kvrmi/roles."""
