"""Tests of the consensus core: single roles, the papers' sentences, and all of it under faults."""
