"""Mirrors kvrmi/checker."""
