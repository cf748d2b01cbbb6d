"""Durable tables: one interface, a memory and a SQLite implementation."""
