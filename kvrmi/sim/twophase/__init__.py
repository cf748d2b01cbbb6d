"""What two-phase commit brings along to be simulated; see kvrmi/sim/DESIGN.md."""
