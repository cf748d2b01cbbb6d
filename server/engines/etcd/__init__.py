"""An existing etcd cluster as an engine: each replica is a gateway without a state of its own."""
