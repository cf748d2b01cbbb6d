"""The lab's view of a cluster that runs: one collector for all pages, orders, and a workload."""
