"""The client's side: where the replicas are, which is asked next, the store as a mapping."""
