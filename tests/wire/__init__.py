"""Bytes of requests and replies."""
