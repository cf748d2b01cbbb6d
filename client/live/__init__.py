"""The live view: what the replicas do, as one picture that is drawn again and again."""
