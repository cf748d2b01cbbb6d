"""Every parser, fed with anything: what it documents comes out, and nothing else."""
