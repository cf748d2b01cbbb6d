"""Multi-Paxos without I/O: messages in, effects out. See DESIGN.md in this folder."""
