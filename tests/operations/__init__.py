"""Mirrors kvrmi/operations."""
