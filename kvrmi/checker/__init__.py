"""Decides whether a recorded history of a store could have come from a single, atomic one."""
