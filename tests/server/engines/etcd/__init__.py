"""Mirrors server/engines/etcd."""
