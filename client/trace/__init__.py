"""What the replicas of a running cluster said to each other, as one space-time diagram."""
