"""Runs commands and talks with a person: the line, what is shown beside it, the answer."""
