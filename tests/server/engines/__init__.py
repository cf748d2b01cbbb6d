"""Mirrors server/engines."""
