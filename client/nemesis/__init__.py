"""Fails a real cluster on purpose, again and again, and checks every answer of its clients."""
