"""One durable store without replication: messages in, effects out. See DESIGN.md in this folder."""
