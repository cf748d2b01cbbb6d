"""Multi-Paxos in the simulator: what must hold, what provokes it, who uses it, what is audited."""
