"""Mirrors client/shell."""
