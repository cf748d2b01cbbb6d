"""Mirrors client/grammar."""
