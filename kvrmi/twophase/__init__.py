"""Two-phase commit without I/O: messages in, effects out. See DESIGN.md in this folder."""
