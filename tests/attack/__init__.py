"""Strangers against the processes of a real cluster."""
