"""Breaks a real cluster on purpose, again and again, and judges what its clients were told."""
