"""Mirrors kvrmi/single."""
