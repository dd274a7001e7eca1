"""Sentences as vectors, for metrics that compare what sentences mean."""
