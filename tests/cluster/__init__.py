"""Mirrors kvrmi/cluster."""
