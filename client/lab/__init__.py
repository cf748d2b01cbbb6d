"""The lab: a page that plays simulated runs of the cluster, step by step."""
