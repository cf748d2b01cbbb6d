"""Mirrors client/doctor."""
