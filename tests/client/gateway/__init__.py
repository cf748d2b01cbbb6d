"""Mirrors client/gateway."""
