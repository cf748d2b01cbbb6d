"""Mirrors server/console."""
